"""Chat templates for make_template_fixtures.py: in the shapes of published models' templates, written for these tests."""

TEMPLATES = {}

TEMPLATES["chatml"] = """{% for m in messages %}
{{- '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' -}}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' -}}
{% endif %}"""

TEMPLATES["chatml_default_system"] = """{% if messages[0]['role'] != 'system' %}<|im_start|>system
You help.<|im_end|>
{% endif %}{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

TEMPLATES["llama2"] = """{%- if messages and messages[0]['role'] == 'system' -%}
  {%- set rest = messages[1:] -%}
  {%- set first = messages[0]['content'] -%}
{%- else -%}
  {%- set rest = messages -%}
  {%- set first = false -%}
{%- endif -%}
{%- for m in rest -%}
  {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}
    {{ raise_exception('Roles must take turns: user, assistant, user, assistant...') }}
  {%- endif -%}
  {%- if loop.index0 == 0 and first != false -%}
    {%- set text = '<<SYS>>\\n' + first + '\\n<</SYS>>\\n\\n' + m['content'] -%}
  {%- else -%}
    {%- set text = m['content'] -%}
  {%- endif -%}
  {%- if m['role'] == 'user' -%}
    {{ bos_token + '[INST] ' + text.strip() + ' [/INST]' }}
  {%- elif m['role'] == 'assistant' -%}
    {{ ' ' + text.strip() + ' ' + eos_token }}
  {%- endif -%}
{%- endfor -%}"""

TEMPLATES["llama3"] = """{% set turns = messages %}{% for m in turns %}{% set text = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set text = bos_token + text %}{% endif %}{{ text }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"""

TEMPLATES["llama31_tools"] = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set about = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set about = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {{- "Answer with a call as {\\"name\\": ..., \\"parameters\\": ...}.\\n\\n" }}
    {%- for tool in tools %}
        {{- tool | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- about }}
{{- "<|eot_id|>" }}
{%- for m in messages %}
    {%- if not (m.role == 'ipython' or m.role == 'tool' or 'tool_calls' in m) %}
        {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n'+ m['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in m %}
        {%- if not m.tool_calls|length == 1 %}
            {{- raise_exception("One call at a time, please") }}
        {%- endif %}
        {%- set call = m.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif m.role == "tool" or m.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if m.content is mapping or m.content is iterable %}
            {{- m.content | tojson }}
        {%- else %}
            {{- m.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

TEMPLATES["mistral_v1"] = """{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('user and assistant must alternate') }}{% endif %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{{ m['content'] + eos_token + ' ' }}{% else %}{{ raise_exception('only user and assistant here') }}{% endif %}{% endfor %}"""

TEMPLATES["mistral_v3_tools"] = """{%- if messages[0]["role"] == "system" %}
    {%- set about = messages[0]["content"] %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set turns = messages %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set users = turns | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for m in turns %}
    {%- if not (m.role == "tool" or m.role == "tool_results" or (m.tool_calls is defined and m.tool_calls is not none)) %}
        {%- if (m["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the system message, user and assistant take turns") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for m in turns %}
    {%- if m["role"] == "user" %}
        {%- if tools is not none and (m == users[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and about is defined %}
            {{- "[INST] " + about + "\\n\\n" + m["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + m["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif m.tool_calls is defined and m.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for call in m.tool_calls %}
            {%- set out = call.function|tojson %}
            {{- out[:-1] }}
            {%- if not call.id is defined or call.id|length != 9 %}
                {{- raise_exception("Ids of calls have 9 characters") }}
            {%- endif %}
            {{- ', "id": "' + call.id + '"}' }}
            {%- if not loop.last %}
                {{- ", " }}
            {%- else %}
                {{- "]" + eos_token }}
            {%- endif %}
        {%- endfor %}
    {%- elif m["role"] == "assistant" %}
        {{- " " + m["content"]|trim + eos_token}}
    {%- elif m["role"] == "tool_results" or m["role"] == "tool" %}
        {%- if m.content is defined and m.content.content is defined %}
            {%- set content = m.content.content %}
        {%- else %}
            {%- set content = m.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {{- '"call_id": "' + m.tool_call_id|default('none') + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Unknown role " + m["role"]) }}
    {%- endif %}
{%- endfor %}
"""

TEMPLATES["mistral_v7"] = """{%- set today = strftime_now("%Y-%m-%d") %}
{%- set standard = "You are an assistant.\\nToday is " + today + "." %}
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- if messages[0]['content'] is string %}
        {%- set about = messages[0]['content'] %}
    {%- else %}
        {%- set about = messages[0]['content'][0]['text'] %}
    {%- endif %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set about = standard %}
    {%- set turns = messages %}
{%- endif %}
{{- '[SYSTEM_PROMPT]' + about + '[/SYSTEM_PROMPT]' }}
{%- for m in turns %}
    {%- if m['role'] == 'user' %}
        {%- if m['content'] is string %}
            {{- '[INST]' + m['content'] + '[/INST]' }}
        {%- else %}
            {{- '[INST]' }}
            {%- for block in m['content'] %}
                {%- if block['type'] == 'text' %}
                    {{- block['text'] }}
                {%- elif block['type'] in ['image', 'image_url'] %}
                    {{- '[IMG]' }}
                {%- else %}
                    {{- raise_exception('Only text and images are known!') }}
                {%- endif %}
            {%- endfor %}
            {{- '[/INST]' }}
        {%- endif %}
    {%- elif m['role'] == 'system' %}
        {{- '[SYSTEM_PROMPT]' + m['content'] + '[/SYSTEM_PROMPT]' }}
    {%- elif m['role'] == 'assistant' %}
        {%- if m['content'] is string %}
            {{- m['content'] + eos_token }}
        {%- else %}
            {{- (m['content'] or [{'text': ''}])[0]['text'] + eos_token }}
        {%- endif %}
    {%- else %}
        {{- raise_exception('user, system and assistant are the roles!') }}
    {%- endif %}
{%- endfor %}"""

TEMPLATES["qwen25_tools"] = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You help people.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\nFunctions are inside <tools></tools> tags:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n\\nAnswer as:\\n<tool_call>\\n{\\"name\\": <name>, \\"arguments\\": <json>}\\n</tool_call><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou help people.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

TEMPLATES["qwen3_thinking"] = """{%- set ns = namespace(searching=true, last=messages|length - 1) %}
{%- for m in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.searching and m.role == "user" and m.content is string and not(m.content.startswith('<tool_response>') and m.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- if m.content is string %}
        {%- set content = m.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (m.role == "user") or (m.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif m.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if m.reasoning_content is string %}
            {%- set reasoning = m.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last %}
            {%- if loop.last or (not loop.last and reasoning) %}
                {{- '<|im_start|>' + m.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + m.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + m.role + '\\n' + content }}
        {%- endif %}
        {%- if m.tool_calls %}
            {%- for call in m.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {%- if call.function %}
                    {%- set call = call.function %}
                {%- endif %}
                {{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
                {%- if call.arguments is string %}
                    {{- call.arguments }}
                {%- else %}
                    {{- call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif m.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

TEMPLATES["deepseek_v2"] = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ 'User: ' + m['content'] + '

' }}{% elif m['role'] == 'assistant' %}{{ 'Assistant: ' + m['content'] + eos_token }}{% elif m['role'] == 'system' %}{{ m['content'] + '

' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"""

TEMPLATES["deepseek_v3"] = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{ '<\uff5cUser\uff5c>' + message['content'] }}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is none %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}{{ '<\uff5cAssistant\uff5c><calls><call>' + tool['type'] + '<sep>' + tool['function']['name'] + '\\n```json\\n' + tool['function']['arguments']|tojson + '\\n```<end>' }}{%- set ns.is_first = true -%}{%- else %}{{ '\\n<call>' + tool['type'] + '<sep>' + tool['function']['name'] + '\\n```json\\n' + tool['function']['arguments']|tojson + '\\n```<end>' }}{%- endif %}{%- endfor %}{{ '</calls>' + eos_token }}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{%- if ns.is_tool %}{{ '</outputs>' + message['content'] + eos_token }}{%- set ns.is_tool = false -%}{%- else %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{ '<\uff5cAssistant\uff5c>' + content + eos_token }}{%- endif %}{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{ '<outputs><out>' + message['content'] + '</out>' }}{%- set ns.is_output_first = false %}{%- else %}{{ '\\n<out>' + message['content'] + '</out>' }}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{ '</outputs>' }}{% endif %}{% if add_generation_prompt and not ns.is_tool %}{{ '<\uff5cAssistant\uff5c><think>\\n' }}{% endif %}"""

TEMPLATES["gemma"] = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}"""

TEMPLATES["gemma3"] = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set lead = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set lead = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set lead = "" -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("user and assistant must alternate") }}
    {%- endif -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '
' + (lead if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model
' }}
{%- endif -%}
"""

TEMPLATES["phi3"] = """{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"""

TEMPLATES["phi4_mini"] = """{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}"""

TEMPLATES["zephyr"] = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""

TEMPLATES["command_r"] = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% elif false == true %}{% set loop_messages = messages %}{% set system_message = 'nothing' %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% if system_message != false %}{{ '<|TURN|><|SYSTEM|>' + system_message + '<|END|>' }}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Turns of user and assistant alternate') }}{% endif %}{% set content = message['content'] %}{% if message['role'] == 'user' %}{{ '<|TURN|><|USER|>' + content.strip() + '<|END|>' }}{% elif message['role'] == 'assistant' %}{{ '<|TURN|><|BOT|>'  + content.strip() + '<|END|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|TURN|><|BOT|>' }}{% endif %}"""

TEMPLATES["command_r_tool_use"] = """
{%- macro json_to_python_type(json_spec) %}
{%- set basic_type_map = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool"
} %}

{%- if basic_type_map[json_spec.type] is defined %}
    {{- basic_type_map[json_spec.type] }}
{%- elif json_spec.type == "array" %}
    {{- "List[" + json_to_python_type(json_spec['items']) + "]"}}
{%- elif json_spec.type == "object" %}
    {{- "Dict[str, " + json_to_python_type(json_spec.additionalProperties or {'type': 'string'}) + ']'}}
{%- elif json_spec.type is iterable %}
    {{- "Union[" }}
    {%- for t in json_spec.type %}
      {{- json_to_python_type({"type": t}) }}
      {%- if not loop.last %}
        {{- "," }}
    {%- endif %}
    {%- endfor %}
    {{- "]" }}
{%- else %}
    {{- "Any" }}
{%- endif %}
{%- endmacro %}

{%- macro old_tool_parser(tools) %}
{%- for tool in tools %}
    {%- if loop.index0 != 0 %}
        {{- '\\n\\n' }}
    {%- endif %}
    {{- '```python\\ndef ' + tool.name + '(' }}
    {%- for param_name, param_fields in tool.parameter_definitions|items %}
        {%- if loop.index0 != 0 %}
            {{- ', '}}
        {%- endif %}
        {{- param_name + ': ' }}
        {%- if not param_fields.required %}
            {{- 'Optional[' + param_fields.type + '] = None'}}
        {%- else %}
            {{- param_fields.type }}
        {%- endif %}
    {%- endfor %}
    {{- ') -> List[Dict]:' }}
{%- endfor %}
{%- endmacro %}

{%- macro new_tool_parser(tools) %}
{%- for tool in tools %}
  {%- if loop.index0 != 0 %}
    {{- '\\n\\n'}}
  {%- endif %}
  {%- if tool.function is defined %}
    {%- set tool = tool.function %}
  {%- endif %}
  {{-'```python
def ' + tool.name + '('}}
  {%- for param_name, param_fields in tool.parameters.properties|items %}
    {%- if loop.index0 != 0 %}
      {{- ', '}}
    {%- endif %}
    {{-param_name + ": "}}
    {%- if not param_name in tool.parameters.required %}
      {{-'Optional[' + json_to_python_type(param_fields) + '] = None'}}
    {%- else %}
      {{- json_to_python_type(param_fields) }}
    {%- endif %}
  {%- endfor %}
  {{- ') -> List[Dict]:
    \"\"\"'}}
  {{- tool.description }}
  {%- if tool.parameters.properties|length != 0 %}
    {{- '\\n\\n    Args:\\n        '}}
    {%- for param_name, param_fields in tool.parameters.properties|items %}
      {%- if loop.index0 != 0 %}
        {{- '\\n        ' }}
      {%- endif %}
      {{- param_name + ' ('}}
      {{- json_to_python_type(param_fields)}}
      {{- '): ' + param_fields.description|default('?') }}
    {%- endfor %}
  {%- endif %}
  {{- '\\n    \"\"\"\\n    pass\\n```' }}
{%- endfor %}
{%- endmacro %}

{{- bos_token }}
{%- if tools %}
{{- new_tool_parser(tools) }}
{%- endif %}
{%- for message in messages %}
{{- '\\n<|TURN|>' + message.role + ': ' + (message.content or '')|string }}
{%- for call in message.tool_calls or [] %}
{{- '\\n' + ({'tool_name': call.function.name, 'parameters': call.function.arguments})|tojson(indent=4) }}
{%- endfor %}
{%- endfor %}
"""

TEMPLATES["granite"] = """{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = "Cut-off: April 2024.\\nToday: " + strftime_now('%B %d, %Y') + ".\\nYou are an assistant." %}
    {%- if tools and documents %}
        {%- set system_message = system_message + " Tools and documents." %}
    {%- elif tools %}
        {%- set system_message = system_message + " Tools." %}
    {%- endif %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\\n' }}
{%- if tools %}
    {{- '<|start_of_role|>tools<|end_of_role|>' }}
    {{- tools | tojson(indent=4) }}
    {{- '<|end_of_text|>\\n' }}
{%- endif %}
{%- for message in loop_messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content']|string + '<|end_of_text|>\\n' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start_of_role|>assistant' }}
        {%- if controls %}
            {{- ' ' + controls | tojson()}}
        {%- endif %}
        {{- '<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}"""

TEMPLATES["gpt_oss_like"] = """{#- Writes JSON schemas as types of TypeScript. #}
{%- macro render_type(spec, required_params, is_nullable=false) -%}
    {%- if spec.type == "array" -%}
        {%- if spec['items'] -%}
            {%- if spec['items']['type'] == "string" -%}
                {{- "string[]" }}
            {%- elif spec['items']['type'] in ["number", "integer"] -%}
                {{- "number[]" }}
            {%- else -%}
                {%- set inner = render_type(spec['items'], required_params) -%}
                {%- if inner == "object | object" or inner|length > 50 -%}
                    {{- "any[]" }}
                {%- else -%}
                    {{- inner + "[]" }}
                {%- endif -%}
            {%- endif -%}
            {%- if spec.nullable -%}
                {{- " | null" }}
            {%- endif -%}
        {%- else -%}
            {{- "any[]" }}
        {%- endif -%}
    {%- elif spec.type is defined and spec.type is iterable and spec.type is not string and spec.type is not mapping and spec.type[0] is defined -%}
        {%- if spec.type | length > 1 -%}
            {{- spec.type | join(" | ") }}
        {%- else -%}
            {{- spec.type[0] }}
        {%- endif -%}
    {%- elif spec.oneOf -%}
        {%- for variant in spec.oneOf -%}
            {{- render_type(variant, required_params) -}}
            {%- if variant.description %}
                {{- "// " + variant.description }}
            {%- endif -%}
            {%- if not loop.last %}{{ " | " }}{% endif -%}
        {%- endfor -%}
    {%- elif spec.type == "string" -%}
        {%- if spec.enum -%}
            {{- '"' + spec.enum|join('" | "') + '"' -}}
        {%- else -%}
            {{- "string" }}
            {%- if spec.nullable %}{{- " | null" }}{%- endif -%}
        {%- endif -%}
    {%- elif spec.type in ["number", "integer"] -%}
        {{- "number" }}
    {%- elif spec.type == "boolean" -%}
        {{- "boolean" }}
    {%- elif spec.type == "object" -%}
        {%- if spec.properties -%}
            {{- "{\\n" }}
            {%- for name, prop in spec.properties.items() -%}
                {{- name -}}
                {%- if name not in (spec.required or []) -%}
                    {{- "?" }}
                {%- endif -%}
                {{- ": " }}
                {{ render_type(prop, spec.required or []) }}
                {%- if not loop.last -%}
                    {{-", " }}
                {%- endif -%}
            {%- endfor -%}
            {{- "}" }}
        {%- else -%}
            {{- "object" }}
        {%- endif -%}
    {%- else -%}
        {{- "any" }}
    {%- endif -%}
{%- endmacro -%}

{%- macro render_namespace(title, tools) -%}
    {{- "## " + title + "\\n\\n" }}
    {{- "namespace " + title + " {\\n\\n" }}
    {%- for tool in tools %}
        {%- set tool = tool.function %}
        {{- "// " + tool.description + "\\n" }}
        {{- "type "+ tool.name + " = " }}
        {%- if tool.parameters and tool.parameters.properties %}
            {{- "(_: {\\n" }}
            {%- for name, spec in tool.parameters.properties.items() %}
                {%- if spec.description %}
                    {{- "// " + spec.description + "\\n" }}
                {%- endif %}
                {{- name }}
                {%- if name not in (tool.parameters.required or []) -%}
                    {{- "?" }}
                {%- endif -%}
                {{- ": " }}
                {{- render_type(spec, tool.parameters.required or []) }}
                {%- if spec.default is defined -%}
                    {%- if spec.enum %}
                        {{- ", // default: " + spec.default }}
                    {%- elif spec.oneOf %}
                        {{- "// default: " + spec.default }}
                    {%- else %}
                        {{- ", // default: " + spec.default|tojson }}
                    {%- endif -%}
                {%- endif -%}
                {%- if not loop.last %}
                    {{- ",\\n" }}
                {%- else %}
                    {{- ",\\n" }}
                {%- endif -%}
            {%- endfor %}
            {{- "}) => any;\\n\\n" }}
        {%- else -%}
            {{- "() => any;\\n\\n" }}
        {%- endif -%}
    {%- endfor %}
    {{- "} // namespace " + title }}
{%- endmacro -%}

{%- macro system_message() -%}
    {%- if model_identity is not defined %}
        {%- set model_identity = "You are a model." %}
    {%- endif %}
    {{- model_identity + "\\n" }}
    {{- "Current date: " + strftime_now("%Y-%m-%d") + "\\n\\n" }}
    {%- if reasoning_effort is not defined %}
        {%- set reasoning_effort = "medium" %}
    {%- endif %}
    {{- "Reasoning: " + reasoning_effort + "\\n\\n" }}
    {{- "# Valid channels: analysis, commentary, final." }}
{%- endmacro -%}

{{- "<|start|>system<|message|>" }}
{{- system_message() }}
{{- "<|end|>" }}
{%- if messages[0].role == "developer" or messages[0].role == "system" %}
    {%- set developer_message = messages[0].content %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set developer_message = "" %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if developer_message or tools %}
    {{- "<|start|>developer<|message|>" }}
    {%- if developer_message %}
        {{- "# Instructions\\n\\n" }}
        {{- developer_message }}
        {{- "\\n\\n" }}
    {%- endif %}
    {%- if tools -%}
        {{- "# Tools\\n\\n" }}
        {{- render_namespace("functions", tools) }}
    {%- endif -%}
    {{- "<|end|>" }}
{%- endif %}
{%- set last_tool_call = namespace(name=none) %}
{%- for message in loop_messages -%}
    {%- if message.role == 'assistant' -%}
        {%- if "thinking" in message %}
            {%- if "<|channel|>" in message.thinking %}
                {{- raise_exception("Channels do not belong into thinking.") }}
            {%- endif %}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- set future_final = namespace(found=false) %}
            {%- for future in loop_messages[loop.index:] %}
                {%- if future.role == 'assistant' and "tool_calls" not in future %}
                    {%- set future_final.found = true %}
                {%- endif %}
            {%- endfor %}
            {%- set tool_call = message.tool_calls[0] %}
            {%- if tool_call.function %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {%- if message.thinking and not future_final.found %}
                {{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}
            {%- endif %}
            {{- "<|start|>assistant to=" }}
            {{- "functions." + tool_call.name + "<|channel|>commentary " }}
            {{- (tool_call.content_type if tool_call.content_type is defined else "json") + "<|message|>" }}
            {{- tool_call.arguments|tojson }}
            {{- "<|call|>" }}
            {%- set last_tool_call.name = tool_call.name %}
        {%- elif loop.last and not add_generation_prompt %}
            {%- if "thinking" in message %}
                {{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}
            {%- endif %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|return|>" }}
        {%- else %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
            {%- set last_tool_call.name = none %}
        {%- endif %}
    {%- elif message.role == 'tool' -%}
        {%- if last_tool_call.name is none %}
            {{- raise_exception("A tool answers, but none was called!") }}
        {%- endif %}
        {{- "<|start|>functions." + last_tool_call.name }}
        {{- " to=assistant<|channel|>commentary<|message|>" + message.content|tojson + "<|end|>" }}
    {%- elif message.role == 'user' -%}
        {{- "<|start|>user<|message|>" + message.content + "<|end|>" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start|>assistant
{%- endif -%}"""

TEMPLATES["hermes_tools"] = """{%- set about = namespace(text='') %}
{%- for m in messages if m.role == 'system' %}{% set about.text = about.text ~ m.content ~ '\\n' %}{% endfor %}
<|im_start|>system
{{ about.text -}}
{% if tools %}
You may call: <tools> {% for tool in tools -%}
{{ {'type': 'function', 'function': {'name': tool.function.name, 'description': tool.function.name ~ '(' ~ (tool.function.parameters.properties.keys()|join(', ')) ~ ') - ' ~ tool.function.description, 'parameters': tool.function.parameters}}|tojson }}{% if not loop.last %}
{% endif %}
{%- endfor %} </tools>
{%- endif %}<|im_end|>
{% for m in messages if m.role != 'system' %}
<|im_start|>{{ m.role }}
{% if m.tool_calls %}
{% for c in m.tool_calls %}
<tool_call>
{{ c.function|tojson }}
</tool_call>
{% endfor %}
{% elif m.role == 'tool' %}
<tool_response>
{{ {'name': m.name|default('?'), 'content': m.content}|tojson }}
</tool_response>
{% else %}
{{ m.content }}
{%- endif %}
<|im_end|>
{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

TEMPLATES["generation_blocks"] = """{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}{% set inside = 1 %}</s>{% endgeneration %}{{ inside is defined }}{% else %}{{ m.role[0]|upper }}:{{ m.content }}{% endif %}
{% endfor %}"""

TEMPLATES["function_calling"] = """{%- macro show(value, depth=0) -%}
{%- if value is mapping -%}{
{%- for k, v in value|dictsort %}
{{ '  ' * (depth + 1) }}{{ k }}: {{ show(v, depth + 1) }}{{ ',' if not loop.last }}
{%- endfor %}
{{ '  ' * depth }}}
{%- elif value is string -%}"{{ value }}"
{%- elif value is iterable -%}[{% for v in value %}{{ show(v, depth + 1) }}{{ ', ' if not loop.last }}{% endfor %}]
{%- elif value is none -%}null
{%- elif value is boolean -%}{{ 'yes' if value else 'no' }}
{%- else -%}{{ value }}
{%- endif -%}
{%- endmacro -%}
{% for tool in tools or [] %}
FUNCTION {{ tool.function.name }} {{ show(tool.function.parameters) }}
{% else %}
NO FUNCTIONS
{% endfor %}
{% for m in messages %}
{{ m.role|upper }}: {{ show(m.content) if m.content is not string else m.content }}
{% for c in m.tool_calls if c.type == 'function' %}
CALL {{ loop.index }}/{{ loop.length }} {{ c.function.name }}({% for k, v in c.function.arguments.items() %}{{ k }}={{ v|tojson }}{% if not loop.last %}, {% endif %}{% endfor %})
{% endfor %}
{% endfor %}
{{ 'ASSISTANT:' if add_generation_prompt }}"""

TEMPLATES["vicuna"] = """{{ (messages|selectattr('role', 'eq', 'system')|map(attribute='content')|first)|default('A chat.', true) }}
{%- for m in messages|rejectattr('role', 'eq', 'system') %} {{ {'user': 'USER', 'assistant': 'ASSISTANT'}.get(m.role, m.role) }}: {{ m.content }}{{ '</s>' if m.role == 'assistant' }}{% endfor %}{{ ' ASSISTANT:' if add_generation_prompt }}"""

TEMPLATES["alpaca"] = """{%- for message in messages %}
{%- if loop.first and message.role == 'system' %}
{{- message.content ~ '\\n\\n' }}
{%- continue %}
{%- endif %}
{%- if message.role == 'tool' %}{% break %}{% endif %}
{{- '### ' ~ ('Instruction' if message.role == 'user' else 'Response') ~ ':\\n' ~ message.content ~ '\\n\\n' }}
{%- endfor %}
{{- '### Response:\\n' if add_generation_prompt }}"""

TEMPLATES["content_parts"] = """{%- set counts = namespace(image=0, video=0) -%}
{%- for m in messages -%}
<{{ m.role }}>
{%- if m.content is string %}{{ m.content }}
{%- else %}
{%- for part in m.content or [] %}
{%- if part.type == 'image' or 'image' in part or 'image_url' in part %}
{%- set counts.image = counts.image + 1 %}
{%- if add_vision_id %}Picture {{ counts.image }}: {% endif %}<img>
{%- elif part.type == 'video' %}{% set counts.video = counts.video + 1 %}<video>
{%- elif 'text' in part %}{{ part.text }}
{%- endif %}
{%- endfor %}
{%- endif %}</{{ m.role }}>
{% endfor -%}
{{ counts.image }} images{% if add_generation_prompt %}<assistant>{% endif %}"""

TEMPLATES["dots_and_lines"] = """
  {# a comment that goes with its line #}
  {% for m in messages %}
    {{ m.role }}
  {%+ if true %}kept  {% endif +%}
  {% endfor %}
	{%- if add_generation_prompt -%}
	 end
	{%- endif %}

tail  
{# last #}

"""

# Constructs, on messages too.

TEMPLATES["loop_everything"] = """{% for m in messages %}
{{ loop.index }} {{ loop.index0 }} {{ loop.revindex }} {{ loop.revindex0 }} {{ loop.first }} {{ loop.last }} {{ loop.length }} {{ loop.depth }} {{ loop.depth0 }} {{ loop.cycle('a', 'b', 'c') }} {{ loop.changed(m.role) }} {{ loop.previtem.role }} {{ (loop.nextitem or {}).role }} {{ loop.previtem is defined }} {{ loop.nextitem is defined }}
{% else %}
none
{% endfor %}
{% for a, b in [(1, 2), [3, 4]] %}{{ a }}-{{ b }};{% endfor %}
{% for x in range(6) if x % 2 %}{{ x }}/{{ loop.length }}{{ ', ' if not loop.last }}{% endfor %}
{% for c in 'h\u00e9y' %}{{ c }}.{% endfor %}
{% for k in {'x': 1, 'y': 2} %}{{ k }}{% endfor %}
{% for k, v in {'x': 1, 'y': 2}.items() %}{{ k }}={{ v }} {% endfor %}
{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}
{% for x in missing %}x{% else %}empty{% endfor %}
{% for x in [1, 2] %}{% continue %}{% else %}no whole pass{% endfor %}
{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}never{% endfor %}
{% for x in [] %}x{% else %}{% set y = 1 %}else{% endfor %}{{ y is defined }}
{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}"""

TEMPLATES["loop_recursive"] = """{%- for item in [{'n': 'a', 'k': [{'n': 'b', 'k': [{'n': 'c'}]}, {'n': 'd'}]}, {'n': 'e'}] recursive %}
{{ '  ' * loop.depth0 }}{{ loop.index }}{{ item.n }}({{ loop.depth }})
{%- if item.k %}{{ loop(item.k) }}{% endif %}
{%- endfor %}"""

TEMPLATES["loop_lazy_condition"] = """{% set ns = namespace(go=true, seen=0) %}
{% for m in messages if ns.go %}
{% set ns.seen = ns.seen + 1 %}
{% if m.role == 'user' %}{% set ns.go = false %}{% endif %}
{{ m.role }}
{% endfor %}
{{ ns.seen }}"""

TEMPLATES["scopes"] = """{% set x = 1 %}{% set ns = namespace(x=1) %}
{% for i in range(3) %}{% set x = x + i + 1 %}{% set ns.x = ns.x + i + 1 %}{{ x }},{{ ns.x }} {% endfor %}
{{ x }} {{ ns.x }}
{% if true %}{% set x = 5 %}{% set z = 6 %}{% endif %}{{ x }}{{ z }}
{% with x = 10, y = x %}{{ x }} {{ y }}{% set x = 11 %}{{ x }}{% set w = 1 %}{% endwith %}{{ x }} {{ w is defined }} {{ y is defined }}
{% macro m(a) %}{% set x = a %}{{ x }}{{ ns.x }}{% endmacro %}{{ m(7) }} {{ x }}
{% for m in messages[:1] %}{% set messages = [] %}{{ messages|length }}{% endfor %} {{ messages|length }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}
{% set (c, d) = [3, 4] %}{{ c }}{{ d }}
{% set t = 1, %}{{ t }}
{% set block %}text {{ x }}{% set inner = 2 %}{% endset %}[{{ block }}]{{ inner is defined }}
{% set up | upper | replace('T', '+') %}text{% endset %}{{ up }}
{% set ns.y %}block{% endset %}{{ ns.y }}
{% set ns.a, b = 8, 9 %}{{ ns.a }}{{ b }}
{{ ns.nope is defined }}{{ ns['x'] }}"""

TEMPLATES["macros"] = """{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}
{{ f(1) }} {{ f(1, c=3) }} {{ f(b=1, a=0) }} {{ f() }}
{% macro g() %}{{ varargs }} {{ kwargs }}{% endmacro %}
{{ g(1, 2, x=3) }}
{% macro h(title) %}<{{ title }}>{{ caller() }}</>{% endmacro %}
{% call h('t') %}body {{ messages|length }}{% endcall %}

{% macro list(items) %}{% for i in items %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}
{% call(item, n) list(['a', 'b']) %}{{ n }}{{ item }};{% endcall %}

{% macro fact(n) %}{{ n * (fact(n - 1)|int) if n > 1 else 1 }}{% endmacro %}{{ fact(10) }}
{% macro outer() %}{% macro inner() %}in{{ v }}{% endmacro %}{% set v = 3 %}{{ inner() }}{% endmacro %}{{ outer() }}
{{ f.name }} {{ f.arguments }} {{ f is callable }} {{ g.catch_kwargs }} {{ g.catch_varargs }} {{ h.caller }}
{{ f }}{% filter upper %}low {{ f(1) }} <b>{% endfilter %}
{% filter replace('a', 'b') | trim %}  aaa {% endfilter %}|
{% macro d(a, b=missing) %}{{ b is defined }}{{ a|default('none') }}{% endmacro %}{{ d() }}
{{ after(2) if after is defined }}{% macro after(x) %}{{ x }}{% endmacro %}{{ after(1) }}
{% macro ignores() %}x{% endmacro %}{{ ignores(1) }}"""

TEMPLATES["white_space"] = """a
{% if true %}
b
{% endif %}
  {% if true %}
  c
  {% endif %}
d {% if true %} e {% endif %} f
  {%- if true %}

  g
  {%- endif %}
{{ 'h' }}
{{- 'i' -}}
   j
{#- comment -#}
   k
{# comment #}
l
  {# indented #}
m   {# after #}
n
{% raw %}
  {{ not }} {% this %} {# that #}
{% endraw %}
o {% raw -%}   p   {%- endraw %} q
{%+ if true %}r{%+ endif %}
{% if true +%}
s
{% endif -%}

  t\r\nu\rv
{{ "a\nb" }}
{%if 1%}tight{%endif%}{{1}}{{-2-}}
{% set x = 1 -%}
   w
"""

TEMPLATES["filters_on_messages"] = """{{ messages|map(attribute='role')|join(',') }}
{{ messages|map(attribute='role')|unique|list }}
{{ messages|groupby('role')|map('first')|list }}
{% for role, group in messages|groupby('role') %}{{ role }}:{{ group|length }} {% endfor %}
{{ messages|selectattr('role', 'in', ['user', 'tool'])|list|length }}
{{ (messages|last).role if messages }}
{{ messages|batch(2)|map('length')|list }}
{{ messages[-1:]|tojson }}
{{ messages|map(attribute='content')|select('string')|map('length')|sum }}
{{ messages|length is divisibleby 2 }}
{{ messages|sort(attribute='role')|map(attribute='role')|list }}"""

TEMPLATES["strings_of_messages"] = """{% for m in messages if m.content is string %}
{%- set c = m.content -%}
[{{ c[:5] }}|{{ c[-3:] }}|{{ c[::-1][:4] }}|{{ c|length }}|{{ c.split()|length }}|{{ c.upper()[:6] }}|{{ c.find('e') }}|{{ c.replace('e', 'E', 2)[:9] }}|{{ c.splitlines()|length }}|{{ c.strip()|truncate(12) }}|{{ c|indent(2)|length }}|{{ c.title()[:8] }}|{{ c|urlencode }}|{{ c|tojson }}]
{% endfor %}"""

TEMPLATES["cyclers"] = """{% set c = cycler('odd', 'even') %}{% set j = joiner(' | ') %}
{% for m in messages %}{{ j() }}{{ c.next() }}:{{ m.role }}{% endfor %}{{ c.current }}{% do_not %}"""

TEMPLATES["cyclers2"] = """{% set c = cycler('odd', 'even') %}{% set j = joiner(' | ') %}
{% for m in messages %}{{ j() }}{{ c.next() }}:{{ m.role }}{% endfor %} {{ c.current }}{{ c.reset() }}{{ c.current }}"""

TEMPLATES["print_kinds"] = """{{ messages }}
{{ tools }}
{{ add_generation_prompt }} {{ none }} {{ 1.0 }} {{ 1e100 }} {{ [1, 'a', none, 1.5, true] }} {{ ('x',) }} {{ {} }} {{ missing }}
{% print 'a', 1 %}"""

TEMPLATES["immutable"] = """{{ messages.append({'role': 'x'}) }}"""
TEMPLATES["immutable_dict"] = """{% set d = {'a': 1} %}{{ d.update({'b': 2}) }}"""
TEMPLATES["inside"] = """{{ messages.__class__.__mro__ }}"""
TEMPLATES["undefined_attribute"] = """{{ messages[0].nope.deeper }}"""
TEMPLATES["undefined_name"] = """ok
{{ nope.deeper }}"""
TEMPLATES["undefined_call"] = """{{ nope() }}"""
TEMPLATES["includes"] = """{% include 'x' %}"""
TEMPLATES["imports"] = """{% import 'x' as y %}"""
TEMPLATES["blocks"] = """{% block a %}x{% endblock %}{% extends 'y' %}"""
TEMPLATES["not_closed"] = """{% for m in messages %}{{ m.role }}"""
TEMPLATES["wrong_end"] = """{% if true %}{% endfor %}"""
TEMPLATES["not_namespace"] = """{% set x = {} %}{% set x.y = 1 %}"""
TEMPLATES["unpack"] = """{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}"""
TEMPLATES["break_outside"] = """{% break %}"""
TEMPLATES["unknown_filter"] = """{{ 1|unknown_filter }}"""
TEMPLATES["unknown_test"] = """{{ 1 is unknown_test }}"""
TEMPLATES["namespace_underscore"] = """{% set ns = namespace() %}{% set ns._x = 1 %}"""
TEMPLATES["raise_late"] = """{% for m in messages %}{% if m.role not in ['user', 'assistant', 'system'] %}{{ raise_exception('role ' ~ m.role ~ ' in message ' ~ loop.index) }}{% endif %}{{ m.role }} {% endfor %}"""
TEMPLATES["assign_loop"] = """{% for loop in messages %}x{% endfor %}"""
TEMPLATES["macro_arguments"] = """{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}"""
TEMPLATES["macro_keyword"] = """{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, b=2) }}"""
TEMPLATES["big_range"] = """{{ range(10000000)|list }}"""

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The weather of a place.",
        "parameters": {"type": "object", "properties": {
            "place": {"type": "string", "description": "City & \"country\""},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
            "days": {"type": "integer", "default": 3},
        }, "required": ["place"]}, "return": {"type": "string"}}},
    {"type": "function", "function": {
        "name": "order", "description": "Orders th\u00edngs.",
        "parameters": {"type": "object", "properties": {
            "items": {"type": "array", "items": {"type": "object", "properties": {
                "name": {"type": "string"}, "count": {"type": "number"}}, "required": ["name"]}},
            "when": {"type": ["string", "null"], "nullable": True},
            "tags": {"type": "array", "items": {"type": "string"}},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "fast": {"type": "boolean"}}}}},
]


def message(role, content, **more):
    return {"role": role, "content": content, **more}


CALL = {"type": "function", "id": "call12345", "function": {"name": "get_weather", "arguments": {"place": "K\u00f8benhavn", "days": 2, "x": [1.5, None, True]}}}

CONVERSATIONS = {
    "user": [message("user", "Hi there!  ")],
    "system": [message("system", " Be brief. "), message("user", "What is 2+2?")],
    "turns": [message("system", "Be kind."), message("user", "Hello"), message("assistant", "Hi! How are you?"),
              message("user", "Fine\nthanks")],
    "no_system": [message("user", "One"), message("assistant", "<think>\nhm\n</think>\n\nTwo"), message("user", "Three")],
    "unicode": [message("user", "h\u00e9llo \u4e16\u754c \U0001f600 \"quoted\" <b> & \\ \t tab"), message("assistant", "\u00df \u0130")],
    "tools": [message("system", "Use tools."), message("user", "Weather?"), message("assistant", None, tool_calls=[CALL]),
              message("tool", "{\"t\": 20}", name="get_weather", tool_call_id="call12345"),
              message("assistant", "It is 20."), message("user", "Thanks")],
    "two_calls": [message("user", "Both"), message("assistant", "", tool_calls=[CALL, {**CALL, "id": "call67890"}]),
                  message("tool", "a"), message("tool", "b")],
    "reasoning": [message("user", "Think"), message("assistant", "Done", reasoning_content="\nlong thoughts\n", thinking="deep")],
    "parts": [message("user", [{"type": "text", "text": "See "}, {"type": "image"}, {"type": "text", "text": " this? "}])],
    "wrong_order": [message("assistant", "I begin"), message("user", "No")],
    "empty": [message("user", "")],
    "nothing": [],
}
