import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinTensor
import Testing

@Suite struct WeightRecipeTests {
  private func type(
    _ recipe: String, _ name: String, _ extents: [Int], now: ElementType = .f16, layers: Int = 32
  ) throws -> ElementType {
    try WeightRecipe(recipe).type(
      of: GGUFTensor(name: name, shape: Shape(extents), type: now), layerCount: layers)
  }

  @Test func namesAreReadInAnyCase() throws {
    #expect(try WeightRecipe("Q4_K_M").description == "q4_k_m")
    #expect(try WeightRecipe("bf16").base == .bf16)
    #expect(try WeightRecipe("iq4_xs") == WeightRecipe(.iq4_XS))
    for name in WeightRecipe.names { #expect(try WeightRecipe(name.uppercased()).description == name) }
  }

  @Test(arguments: ["q4_k_x", "", "4.5bpw", "int8"]) func otherNamesAreRefusedWithTheNearest(name: String) {
    #expect {
      try WeightRecipe(name)
    } throws: { error in
      let error = error as? ModelError
      return error?.path == "--weights" && error?.message.contains("nearest is") == true
        && (name != "q4_k_x" || error?.message.contains("nearest is q4_k_s)") == true)
    }
  }

  @Test func oneFormatIsForEveryMatrix() throws {
    for name in ["token_embd.weight", "output.weight", "blk.3.attn_v.weight", "blk.31.ffn_down.weight"] {
      #expect(try type("q4_k", name, [512, 1024]) == .q4_K)
    }
    #expect(try type("q4_k", "blk.0.attn_norm.weight", [1024], now: .f32) == .f32)
    #expect(try type("q4_k", "blk.0.attn_q.bias", [1024]) == .f32)
    #expect(try type("q4_k", "blk.0.ffn_gate_inp.weight", [8, 1024]) == .f32)
    #expect(try type("q4_k", "blk.0.exp_probs_b.bias", [8]) == .f32)
    // Rows that are no whole blocks.
    #expect(try type("q4_k", "blk.0.attn_q.weight", [64, 96]) == .q5_0)
    #expect(try type("q6_k", "blk.0.attn_q.weight", [64, 96]) == .q8_0)
    #expect(try type("q8_0", "blk.0.attn_q.weight", [64, 40]) == .f16)
  }

  @Test func whatNoFamilyKnowsStaysAsItIs() throws {
    #expect(try type("q4_k", "rope_freqs.weight", [64], now: .f32) == .f32)
    #expect(try type("q4_k", "v.blk.0.attn_q.weight", [1024, 1024], now: .bf16) == .bf16)
    #expect(try type("q4_k", "blk.00.attn_q.weight", [1024, 1024], now: .f16) == .f16)
  }

  @Test func mixturesGiveMoreBitsWhereItMatters() throws {
    #expect(try type("q4_k_m", "output.weight", [512, 1024]) == .q6_K)
    #expect(try type("q4_k_m", "token_embd.weight", [512, 1024]) == .q6_K)
    #expect(try type("q4_k_m", "token_embd.weight", [512, 96]) == .q8_0)
    #expect(try type("q4_k_m", "blk.9.attn_q.weight", [512, 1024]) == .q4_K)
    func finer(_ recipe: String, _ stem: String, _ wanted: ElementType) throws -> [Int] {
      try (0..<32).filter { try type(recipe, "blk.\($0).\(stem).weight", [512, 1024]) == wanted }
    }
    let ends = [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]
    #expect(try finer("q4_k_m", "attn_v", .q6_K) == ends)
    #expect(try finer("q4_k_m", "ffn_down", .q6_K) == ends)
    #expect(try finer("q5_k_m", "ffn_down_exps", .q6_K) == ends)
    #expect(try finer("q4_k_s", "attn_v", .q5_K) == [0, 1, 2, 3])
    #expect(try finer("q3_k_m", "attn_v", .q5_K) == [0, 1])
    #expect(try finer("q3_k_m", "attn_v", .q4_K) == Array(2..<32))
    #expect(try finer("q3_k_l", "attn_output", .q5_K).count == 32)
    #expect(try finer("q5_k_s", "attn_v", .q5_K).count == 32)
  }

  @Test func fileTypesAreThoseOfTheField() throws {
    let expected: [String: UInt32] = [
      "f32": 0, "f16": 1, "q4_0": 2, "q8_0": 7, "q2_k": 10, "q3_k_m": 12, "q4_k_s": 14, "q4_k_m": 15,
      "q5_k_m": 17, "q6_k": 18, "iq4_nl": 25, "iq4_xs": 30, "bf16": 32,
    ]
    for (name, number) in expected { #expect(try WeightRecipe(name).fileType == number) }
  }

  @Test func namesGoThereAndBack() throws {
    for name in [
      "token_embd.weight", "output_norm.weight", "output.weight", "blk.12.attn_k_b.weight",
      "blk.0.ffn_gate_inp_shexp.weight", "blk.3.exp_probs_b.bias", "blk.3.attn_k.bias",
    ] {
      #expect(WeightName(ggufName: name)?.ggufName == name)
    }
    for name in [
      "", ".", "blk.1", "blk.-1.attn_q.weight", "blk.1.attn_q", "attention.weight", "a.b.c.d.weight",
    ] {
      #expect(WeightName(ggufName: name) == nil)
    }
  }
}
