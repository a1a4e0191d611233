import Foundation
import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinTestSupport
import Testing

@testable import Skein

/// Folders that are no models: one error each, which names the file and the tensor or key.
@Suite struct FolderFaultTests {
  private static let query = "model.layers.0.self_attn.q_proj.weight"

  /// What is said of a folder after a change.
  private func problem(
    _ folder: MadeFolder = .llama(), _ change: (inout MadeFolder) -> Void
  ) throws -> String {
    var folder = folder
    change(&folder)
    let place = TemporaryFolder()
    folder.write(place)
    do {
      _ = try ModelDefinition(path: place.path)
      return ""
    } catch {
      #expect(error is ModelError || error is CheckpointError || error is GraphError, "\(type(of: error))")
      #expect("\(error)".hasPrefix(place.path), "\(error)")
      return "\(error)"
    }
  }

  private func expect(_ text: String, _ words: String..., location: SourceLocation = #_sourceLocation) {
    for word in words { #expect(text.contains(word), "\(text)", sourceLocation: location) }
  }

  @Test func tensorsThatDoNotFitAreSaid() throws {
    #expect(try problem { _ in }.isEmpty)
    expect(try problem { $0.tensors[Self.query] = nil }, Self.query, "the folder does not have it")
    for shape in [[16, 32], [32, 16], [1024], [32, 32, 1], [], [0, 32]] {
      let bytes = [UInt8](repeating: 0, count: shape.reduce(4, *))
      expect(
        try problem { $0.tensors[Self.query] = .init(type: "F32", shape, bytes) },
        "model.safetensors: \(Self.query)",
        "has shape", "the model needs")
    }
    expect(
      try problem { $0.add("model.layers.0.self_attn.q_proj.bias", [32]) },
      "model.safetensors: model.layers.0.self_attn.q_proj.bias", "no such weight")
    expect(try problem { $0.add("unexpected", [1]) }, "model.safetensors: unexpected", "no such weight")
    for type in ["I8", "U8", "BOOL", "I32", "F8_E5M2"] {
      let count = type == "I32" ? 4096 : 1024
      let tensor = MadeFolder.Tensor(type: type, [32, 32], [UInt8](repeating: 0, count: count))
      expect(
        try problem { $0.tensors[Self.query] = tensor }, "model.safetensors: \(Self.query)",
        "its elements are \(type)")
    }
  }

  @Test func tensorsThatChangeNothingAreLeftOut() throws {
    let text = try problem {
      $0.add("lm_head.weight", [64, 32])
      $0.add("model.layers.0.self_attn.rotary_emb.inv_freq", [4])
      $0.add("model.layers.1.input_layernorm.weight", [32])
    }
    #expect(text.isEmpty)
  }

  /// The codes of GPT-2's transposed matrices cannot be gathered; that is an error and no trap.
  @Test(arguments: ["F64", "F8_E4M3"]) func transposedMatricesArePlainNumbers(type: String) throws {
    #expect(try problem(.gpt2()) { _ in }.isEmpty)
    for (name, shape) in [("attn.c_attn", [32, 96]), ("mlp.c_proj", [128, 32])] {
      let bytes = [UInt8](repeating: 0, count: shape.reduce(type == "F64" ? 8 : 1, *))
      expect(
        try problem(.gpt2()) { $0.tensors["h.0.\(name).weight"] = .init(type: type, shape, bytes) },
        "model.safetensors: h.0.\(name).weight", "its elements are \(type)", "F32, F16 and BF16")
    }
  }

  @Test(arguments: ["q8_0", "q4_0", "q4_k", "bf16"]) func valuesThatAreNoNumbersAreSaid(format: String)
    async throws
  {
    for value in [Float.nan, .infinity, -.infinity] {
      var folder = MadeFolder.llama(width: 256, inner: 256)
      var values = [Float](repeating: 0.1, count: 256 * 256)
      values[5 * 256 + 7] = value
      folder.tensors[Self.query] = .init([256, 256], values)
      do {
        _ = try await folder.logits(weights: format)
        Issue.record("\(value) was taken for a weight in \(format)")
      } catch {
        expect("\(error)", "model.safetensors", Self.query, "row 5", "not a number")
      }
    }
  }

  /// Four-bit numbers whose exponent is no number, or whose tensors are not what they are read as.
  @Test func fourBitNumbersAreChecked() async throws {
    let path = FolderReference.path("gpt-oss-mxfp4")
    let place = TemporaryFolder()
    place.write("config.json", Array(try Data(contentsOf: URL(filePath: path + "/config.json"))))
    let bytes = Array(try Data(contentsOf: URL(filePath: path + "/model.safetensors")))
    let layer = "model.layers.0.mlp.experts."
    let scales = try #require(
      SafetensorsCheckpoint(folder: path).tensor(named: layer + "down_proj_scales")?.byteRange)
    for weights in [nil, "f32"] {
      // Row 3 of the first expert: an exponent that stands for no number, and one beyond float32.
      for exponent: UInt8 in [255, 254] {
        var damaged = bytes
        damaged[scales.lowerBound + 3] = exponent
        place.write("model.safetensors", damaged)
        do {
          _ = try await Model.load(place.path, options: .folder("cpu/1", weights: weights))
          Issue.record("an exponent of \(exponent) was taken")
        } catch {
          expect("\(error)", "model.safetensors", layer + "down_proj_blocks", "row 3", "not a number")
        }
      }
    }
    func problem(replacing old: String, by new: String) throws -> String {
      let entry = "\"\(layer)down_proj_blocks\":{\"dtype\":\"U8\",\"shape\":[4,32,1,16]"
      let changed = entry.replacing(old, with: new)
      var damaged = bytes
      damaged.replaceSubrange(try #require(bytes.firstRange(of: entry.utf8)), with: changed.utf8)
      place.write("model.safetensors", damaged)
      return try self.problem(place) ?? ""
    }
    #expect(try problem(replacing: "U8", by: "U8").isEmpty)
    expect(try problem(replacing: "U8", by: "I8"), layer + "down_proj_blocks", "must be U8")
    expect(
      try problem(replacing: "1,16", by: "16,1"), layer + "down_proj_blocks", "has shape", "the model needs")
    expect(try problem(replacing: "_blocks", by: "_block5"), layer + "down_proj", "does not have it")
  }

  @Test func foldersThatAreNoModelsAreSaid() throws {
    let place = TemporaryFolder()
    func text() -> String {
      do {
        _ = try ModelDefinition(path: place.path)
        return ""
      } catch { return "\(error)" }
    }
    expect(text(), place.path, "model.safetensors")
    place.write("pytorch_model.bin", [1])
    expect(text(), place.path, "PyTorch")
    MadeFolder.llama().write(place)
    #expect(text().isEmpty)
    place.write("config.json", Array("{".utf8))
    expect(text(), "config.json")
  }

  /// A thousand damaged configurations beside good weights, and a thousand damaged files of weights.
  @Test func damagedFoldersGiveErrors() throws {
    let place = TemporaryFolder()
    var random = TestRandom(state: 41)
    for source in ["phi3", "deepseek-v3-f8"] {
      let names = try FileManager.default.contentsOfDirectory(atPath: FolderReference.path(source))
      var files: [String: [UInt8]] = [:]
      for name in names where name != "reference.json" {
        files[name] = Array(try Data(contentsOf: URL(filePath: "\(FolderReference.path(source))/\(name)")))
      }
      for (name, bytes) in files { place.write(name, bytes) }
      #expect(try problem(place) == nil)
      for (name, bytes) in files {
        // Of the weights only the header: 500 times for each of two files, or 1000.
        let isWeights = name.hasSuffix(".safetensors")
        let end = isWeights ? 8 + Int(bytes[0]) + Int(bytes[1]) << 8 : bytes.count
        var errors = 0
        for _ in 0..<500 {
          var damaged = bytes
          damage(&damaged, within: 0..<end, &random)
          place.write(name, damaged)
          if try problem(place) != nil { errors += 1 }
        }
        #expect(errors > 50, "\(source)/\(name): \(errors)")
        place.write(name, bytes)
      }
      for name in files.keys where source == "phi3" { unlink("\(place.path)/\(name)") }
    }
  }

  private func problem(_ place: TemporaryFolder) throws -> String? {
    do {
      let definition = try ModelDefinition(path: place.path)
      #expect(definition.stored.count == definition.graph.weights.count)
      return nil
    } catch {
      #expect(error is ModelError || error is CheckpointError || error is GraphError, "\(type(of: error))")
      #expect("\(error)".utf8.count < 2000 && !"\(error)".contains("\n"), "\(error)")
      return "\(error)"
    }
  }

  private func damage(_ bytes: inout [UInt8], within range: Range<Int>, _ random: inout TestRandom) {
    let place = Int.random(in: range, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes.remove(at: place)
    case 2: bytes.insert(UInt8.random(in: 0x20..<0x7F, using: &random), at: place)
    case 3: bytes.removeSubrange(place...)
    default:
      guard let digit = range.filter({ (48...57).contains(bytes[$0]) }).randomElement(using: &random) else {
        return
      }
      bytes.replaceSubrange(
        digit...digit, with: Array("\(Int.random(in: -9...1 << 40, using: &random))".utf8))
    }
  }
}
