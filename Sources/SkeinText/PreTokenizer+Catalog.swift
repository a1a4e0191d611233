extension PreTokenizer {
  /// Every name that is known, with its expressions as the models' own `tokenizer.json` give them.
  ///
  /// Expressions that could backtrack over the same text again and again are written so that they do
  /// not: no quantified group without a possessive mark, and no `\s+$` that is tried at every space.
  static var catalog: [PreTokenizer] {
    gpt2Family + llama3Family + deepseekFamily + casedWordFamily + others
  }

  private static var gpt2Family: [PreTokenizer] {
    [
      PreTokenizer(
        [
          "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat",
          "a.x-4.0", "mellum", "modern-bert", "roberta-bpe", "jina-es", "jina-de", "jina-v1-en",
          "jina-v2-es", "jina-v2-de", "jina-v2-code",
        ], [.pattern(gpt2)]),
      PreTokenizer(
        [
          "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2",
        ], [.pattern("\\p{N}"), .pattern(gpt2)]),
      PreTokenizer(
        ["falcon"],
        [.pattern("[\\p{P}$+<=>^~|`]+"), .pattern(gpt2), .pattern("[0-9][0-9][0-9]")]),
      PreTokenizer(
        ["default"],
        [
          .pattern("[\\p{P}$+<=>^~|]+"), .pattern(gpt2), .pattern("\\p{N}+"),
          .pattern("[0-9][0-9][0-9]"),
        ]),
    ]
  }

  private static var llama3Family: [PreTokenizer] {
    [
      PreTokenizer(
        [
          "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
          "jina-v5-nano",
        ], [.pattern(llama3(digits: "\\p{N}{1,3}"))]
      ).takingWholeWords(addingBOS: true),
      PreTokenizer(
        ["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], [.pattern(llama3(digits: "\\p{N}{1,3}"))]),
      PreTokenizer(
        [
          "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
          "grok-2",
        ], [.pattern(llama3(digits: "\\p{N}"))]),
      PreTokenizer(
        ["qwen35"],
        [
          .pattern(
            contraction + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"
              + spaces)
        ]),
      PreTokenizer(
        ["minicpm5"], [.pattern("\\p{N}{1,3}"), .pattern(llama3(digits: "\\p{N}+"))]
      ).takingWholeWords(),
      PreTokenizer(
        ["jais-2"],
        [
          .pattern(
            contraction + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
              + "|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)"
              + "|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s")
        ]),
      PreTokenizer(
        ["bailingmoe", "bailingmoe2", "llada-moe"],
        [
          .pattern(
            "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
              + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+")
        ]),
      PreTokenizer(
        ["seed-coder"],
        [
          .pattern(
            contraction + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+" + spaces)
        ]),
      PreTokenizer(
        ["laguna"], [.pattern("[^\\n]+|\\n+"), .pattern(llama3(digits: "\\p{N}"))]),
      PreTokenizer(
        ["exaone-moe"],
        [
          // Words that single spaces join are one word.
          .pattern(
            contraction
              + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}[\\p{L}\\p{M}]*+(?: \\p{L}[\\p{L}\\p{M}]*+)*+|\\p{N}"
              + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+")
        ]),
    ]
  }

  private static var deepseekFamily: [PreTokenizer] {
    let mainWords =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
      + "| ?[\\p{P}\\p{S}]+[\\r\\n]*" + spaces
    return [
      PreTokenizer(
        ["deepseek-llm"],
        [
          .pattern("[\\r\\n]"), .pattern("\\s?[\(casedLetters)]+"),
          .pattern("\\s?[!-/:-~！-／：-～‘-‟\u{3000}-。]+"), .pattern("(?<!\\s)\\s++\\z"),
          .pattern("[\\x{4E00}-\\x{9FA5}\\x{800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+"), .pattern("\\p{N}+"),
        ]),
      PreTokenizer(
        ["deepseek-coder"],
        [
          .pattern("[\\r\\n]"), .pattern("\\s?\\p{L}+"), .pattern("\\s?\\p{P}+"),
          .pattern("[\\x{4E00}-\\x{9FA5}\\x{800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+"), .pattern("\\p{N}"),
        ]),
      PreTokenizer(
        ["deepseek-v3", "hunyuan-dense", "joyai-llm"],
        [.pattern("\\p{N}{1,3}"), .pattern("[一-龥\u{3040}-ゟ゠-ヿ]+"), .pattern(mainWords)]),
      PreTokenizer(
        ["afmoe"],
        [
          .digitGroups,
          .pattern(
            "[一-\u{9FFF}㐀-\u{4DBF}\u{F900}-\u{FAFF}\u{3040}-ゟ゠-ヿ･-ﾟ⼀-\u{2FDF}เ-\u{0E7F}"
              + "\u{0E80}-\u{0EFF}ក-\u{17FF}က-႟ꩠ-ꩿꧠ-\u{A9FF}가-\u{D7AF}ᄀ-ᇿ]+"),
          .pattern(mainWords),
        ]),
    ]
  }

  /// Words end where an upper-case letter follows a lower-case one.
  private static var casedWordFamily: [PreTokenizer] {
    let upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
    let lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
    func words(_ upper: String, _ lower: String, _ ending: String) -> String {
      "[^\\r\\n\\p{L}\\p{N}]?\(upper)*\(lower)+\(ending)|[^\\r\\n\\p{L}\\p{N}]?\(upper)+\(lower)*\(ending)"
    }
    let rest = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" + spaces
    let gpt4o = words(upper, lower, contraction + "?") + "|\\p{N}{1,3}" + rest
    // The letters above without Han, written by what they are not: a class cannot subtract.
    let otherUpper = "[^\\p{Ll}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}\\p{Han}]"
    let otherLower = "[^\\p{Lu}\\p{Lt}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}\\p{Han}]"
    return [
      PreTokenizer(["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], [.pattern(gpt4o)]),
      PreTokenizer(["tekken"], [.pattern(words(upper, lower, "") + "|\\p{N}" + rest)])
        .takingWholeWords(addingBOS: true),
      PreTokenizer(["tiny_aya", "cohere2moe"], [.digitGroups, .pattern(gpt4o)]),
      PreTokenizer(
        ["youtu"],
        [
          .pattern(
            "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-\u{FE4F}]+|[ㄅ-ㄯ]+|[一-龥\u{3040}-ゟ゠-ヿ]+"),
          .pattern(words(upper, lower, contraction + "?") + "|\\p{N}" + rest),
        ]
      ).takingWholeWords(),
      PreTokenizer(
        ["kimi-k2"],
        [
          .pattern(
            "\\p{Han}+|" + words(otherUpper, otherLower, contraction + "?")
              + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" + spaces)
        ]),
    ]
  }

  private static var others: [PreTokenizer] {
    let notPunctuation = " ?[^(\\s|.,!?…。，、।۔،)]+"
    return [
      PreTokenizer(["bloom", "poro-chat", "gpt3-finnish"], [.pattern(notPunctuation)]),
      PreTokenizer(["viking"], [.pattern(notPunctuation), .pattern("\\p{N}")]),
      PreTokenizer(["superbpe"], [.digitGroups]),
      PreTokenizer(["gemma4", "sarvam-moe"], [.pattern("[^\\n]+|\\n+")]).escapingSpaces(),
    ]
  }

  private static var contraction: String { "(?i:'s|'t|'re|'ve|'m|'ll|'d)" }
  private static var spaces: String { "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" }
  private static var gpt2: String {
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
  }
  private static func llama3(digits: String) -> String {
    contraction + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\(digits)| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" + spaces
  }

  /// The letters with case that DeepSeek LLM's tokenizer lists one by one.
  private static var casedLetters: String {
    "A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}\\x{1C4}-\\x{293}"
      + "\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}\\x{37F}\\x{386}"
      + "\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}"
      + "\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}"
      + "\\x{1CBD}-\\x{1CBF}\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}"
      + "\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}\\x{1F5B}"
      + "\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}\\x{1FC2}-\\x{1FC4}"
      + "\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}"
      + "\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}"
      + "\\x{2126}\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}"
      + "\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}"
      + "\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}"
      + "\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}"
      + "\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}"
      + "\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}"
      + "\\x{1E900}-\\x{1E943}"
  }
}
