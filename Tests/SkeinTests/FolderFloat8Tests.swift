import SkeinModels
import SkeinTestSupport
import Testing

@testable import Skein

/// Matrices of 8-bit numbers with factors: the same bits as the same numbers in float32.
@Suite struct FolderFloat8Tests {
  /// Replaces a tensor by 8-bit numbers with factors of this shape, and in the other folder by what they stand for.
  private func encode(
    _ name: String, factors extents: [Int], block: (rows: Int, columns: Int), suffix: String,
    in stored: inout MadeFolder, _ decoded: inout MadeFolder
  ) {
    let shape = stored.tensors[name]!.shape
    let (rows, columns) = (shape[shape.count - 2], shape.last!)
    var random = TestRandom(state: 51)
    // Exponents up to that of 0.5, and no NaN.
    let codes = (0..<shape.reduce(1, *)).map { _ in
      UInt8.random(in: 0...0x30, using: &random) | (Bool.random(using: &random) ? 0x80 : 0)
    }
    let count = extents.reduce(1, *)
    let factors = (0..<count).map { _ in Float.random(in: 0.1...0.6, using: &random) }
    let perMatrix = count == 1 ? 1 : shape.count > 2 ? count / shape[0] : count
    let blocksAcross = (columns - 1) / block.columns + 1
    let values = codes.enumerated().map { index, code in
      let (row, column) = (index / columns, index % columns)
      let place = row % rows / block.rows * blocksAcross + column / block.columns
      return Self.value(code) * factors[count == 1 ? 0 : row / rows * perMatrix + place]
    }
    stored.tensors[name] = .init(type: "F8_E4M3", shape, codes)
    stored.tensors[name + suffix] = .init(extents, factors)
    decoded.tensors[name] = .init(shape, values)
  }

  /// A sign, four bits of exponent with a bias of 7, three of mantissa.
  private static func value(_ code: UInt8) -> Float {
    let (exponent, mantissa) = (Int(code >> 3 & 15), Float(code & 7))
    let size =
      exponent == 0
      ? mantissa / 512 : Float(sign: .plus, exponent: exponent - 7, significand: 1 + mantissa / 8)
    return code & 0x80 == 0 ? size : -size
  }

  private static let up = "model.layers.0.mlp.up_proj.weight"

  @Test(
    arguments: [
      ([2, 2], 128, 128, "_scale_inv", nil), ([2, 2], 128, 128, "_scale", "[128, 128]"),
      ([3, 5], 64, 32, "_scale_inv", "[64, 32]"), ([2, 1], 128, 160, "_scale_inv", nil),
      ([192, 1], 1, 160, "_scale", nil), ([192], 1, 160, "_scale", nil), ([1], 192, 160, "_scale", nil),
      ([], 192, 160, "_scale", nil), ([1, 1], 192, 160, "_scale_inv", nil),
    ] as [([Int], Int, Int, String, String?)])
  func factorsOfAMatrix(_ extents: [Int], _ rows: Int, _ columns: Int, _ suffix: String, _ block: String?)
    async throws
  {
    // Blocks of 128 are cut short along 192 rows and 160 columns.
    var stored = MadeFolder.llama(width: 160, inner: 192)
    var decoded = stored
    encode(Self.up, factors: extents, block: (rows, columns), suffix: suffix, in: &stored, &decoded)
    if let block { stored.configuration["quantization_config"] = "{\"weight_block_size\": \(block)}" }
    #expect(try await stored.logits() == decoded.logits())
    let difference = relativeDifference(try await stored.logits(weights: nil), try await decoded.logits())
    #expect(difference < 1e-2 && difference > 0)
  }

  @Test(
    arguments: [
      ([3, 2, 2], 128, 128), ([3, 192, 1], 1, 160), ([3, 192], 1, 160), ([3, 1, 1], 192, 160),
      ([1], 192, 160),
    ] as [([Int], Int, Int)])
  func factorsOfAStack(_ extents: [Int], _ rows: Int, _ columns: Int) async throws {
    // Gate and up are 96 rows each, and so are in one block and in two.
    var stored = MadeFolder.mixture(width: 160, inner: 96)
    var decoded = stored
    let name = "model.layers.0.mlp.experts.gate_up_proj"
    encode(name, factors: extents, block: (rows, columns), suffix: "_scale_inv", in: &stored, &decoded)
    #expect(try await stored.logits() == decoded.logits())
  }

  @Test func numbersWithoutFactorsAreTakenAsTheyAre() async throws {
    var stored = MadeFolder.llama(width: 160, inner: 192)
    var decoded = stored
    encode(Self.up, factors: [1], block: (192, 160), suffix: "_scale", in: &stored, &decoded)
    stored.tensors[Self.up + "_scale"] = .init([1], [1])
    let one = try await stored.logits()
    stored.tensors[Self.up + "_scale"] = nil
    #expect(try await stored.logits() == one)
  }

  @Test(arguments: [UInt8(0x7F), 0xFF]) func codesThatAreNoNumbersAreSaid(code: UInt8) async throws {
    var folder = MadeFolder.llama(width: 160, inner: 192)
    var codes = [UInt8](repeating: 1, count: 192 * 160)
    codes[140 * 160 + 9] = code
    folder.tensors[Self.up] = .init(type: "F8_E4M3", [192, 160], codes)
    folder.tensors[Self.up + "_scale_inv"] = .init([2, 2], [1, 1, 1, 1])
    for weights in [nil, "f32", "q8_0"] {
      do {
        _ = try await folder.logits(weights: weights)
        Issue.record("a code that is no number was taken for a weight")
      } catch {
        #expect("\(error)".contains("model.safetensors: tensor \"\(Self.up)\": row 140 "), "\(error)")
      }
    }
  }

  /// The number of blocks alone does not say how large they are, and a wrong guess would change the model.
  @Test func factorsThatDoNotFitAreSaid() throws {
    var folder = MadeFolder.llama(width: 160, inner: 192)
    folder.tensors[Self.up] = .init(type: "F8_E4M3", [192, 160], [UInt8](repeating: 1, count: 192 * 160))
    func text(_ shape: [Int], type: String = "F32", block: String? = nil) -> String {
      var folder = folder
      let count = shape.contains(0) ? 0 : shape.reduce(type == "F32" ? 4 : 1, *)
      folder.tensors[Self.up + "_scale_inv"] = .init(type: type, shape, [UInt8](repeating: 0, count: count))
      if let block { folder.configuration["quantization_config"] = "{\"weight_block_size\": \(block)}" }
      let place = TemporaryFolder()
      folder.write(place)
      do {
        _ = try ModelDefinition(path: place.path)
        return ""
      } catch { return "\(error)" }
    }
    #expect(text([2, 2]).isEmpty)
    let hostile = [
      [3, 2], [2, 3], [4, 4], [2], [160], [193, 1], [2, 2, 2], [0], [0, 2], [0, .max], [2, 0],
    ]
    for shape in hostile {
      let said = text(shape)
      #expect(
        said.contains("model.safetensors: \(Self.up)_scale_inv") && said.contains("weight_block") == false,
        "\(said)")
      #expect(said.contains("blocks are 128 x 128"), "\(said)")
    }
    #expect(text([2, 2], block: "[64, 64]").contains("64 x 64, as weight_block_size says"))
    #expect(text([2, 2], type: "U8").contains("factors are F32, F16 or BF16"))
    for block in ["[0, 128]", "[-1, 128]", "[9223372036854775807, 128]", "[128, 1048577]"] {
      let said = text([2, 2], block: block)
      #expect(said.contains("quantization_config.weight_block_size"), "\(said)")
    }
  }
}
