import Skein
import SkeinJSON
import SkeinTemplate
import Testing

@Suite struct ChatTemplateTests {
  @Test func messagesToolsAndTokensAreThere() throws {
    let template = try ChatTemplate(
      source: "{{ bos_token }}{{ messages|length }}{{ tools is none }}{{ documents is none }}"
        + "{{ add_generation_prompt }}{{ eos_token }}{{ pad_token }}{{ sep_token is defined }}{{ x }}",
      bosToken: "<s>", eosToken: "</s>", otherTokens: ["pad_token": "<pad>"])
    var options = ChatTemplate.Options()
    #expect(try template.render([.init(.user, "a")]) == "<s>1TrueTrueTrue</s><pad>False")
    options.tools = [.object([:])]
    options.addsGenerationPrompt = false
    options.variables["x"] = .integer(3)
    #expect(try template.render([], options: options) == "<s>0FalseTrueFalse</s><pad>False3")
  }

  @Test func reasoningIsThereUnderAllItsNames() throws {
    let template = try ChatTemplate(source: "{{ messages[0]|tojson }}")
    let message = ChatTemplate.Message(fields: ["role": .string("assistant"), "reasoning": .string("hm")])
    #expect(
      try template.render([message])
        == #"{"thinking": "hm", "role": "assistant", "reasoning": "hm", "reasoning_content": "hm"}"#)
    #expect(try template.render([.init(.assistant, "x")]) == #"{"role": "assistant", "content": "x"}"#)
  }

  @Test func theDayCanBeChosen() throws {
    let template = try ChatTemplate(source: "{{ strftime_now('%d %b %Y') }}")
    var options = ChatTemplate.Options()
    options.date = TemplateDate(year: 2024, month: 7, day: 4)
    #expect(try template.render([], options: options) == "04 Jul 2024")
  }

  /// The template and the messages of the tokenizers that transformers made as references.
  @Test func aTemplateOfTheReferenceTokenizers() throws {
    let template = try ChatTemplate(
      source: """
        {% for m in messages %}{% if loop.first and m.role == 'system' %}<<SYS>>{{ m.content | trim }}<</SYS>>
        {% else %}[{{ m.role | upper }}] {{ m['content'].strip() }}{% if not loop.last %}{{ '
        ' }}{% endif %}{% endif %}{% endfor %}{% if add_generation_prompt %}
        [ASSISTANT]{% endif %}
        """)
    let messages: [ChatTemplate.Message] = [
      .init(.system, " Be brief. "), .init(.user, "Hi there "), .init(.assistant, "Hello"),
      .init(.user, "2+2?"),
    ]
    let text = "<<SYS>>Be brief.<</SYS>>\n[USER] Hi there\n[ASSISTANT] Hello\n[USER] 2+2?"
    #expect(try template.render(messages) == text + "[ASSISTANT]")
    var options = ChatTemplate.Options()
    options.addsGenerationPrompt = false
    #expect(try template.render(messages, options: options) == text)
  }
}
