import SkeinFiles
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct GGUFTensorTests {
  @Test func tensorsComeBack() throws {
    let builder = everythingBuilder()
    let file = try open(builder)
    #expect(file.tensors.map(\.name) == builder.tensors.map(\.name))
    for (tensor, expected) in zip(file.tensors, builder.tensors) {
      #expect(tensor.shape.extents == expected.extents.map(Int.init))
      #expect(tensor.type.rawValue == Int32(expected.typeNumber))
      #expect(tensor.byteCount == expected.bytes.count)
      #expect(file.bytes(of: tensor).elementsEqual(expected.bytes))
      #expect(file.tensor(named: tensor.name) == tensor)
      file.willNeed(bytesOf: tensor)
      file.release(bytesOf: tensor)
      #expect(file.bytes(of: tensor).elementsEqual(expected.bytes))
    }
    #expect(file.tensor(named: "absent") == nil)
    expectError(.missingTensor, "model.gguf", "tensor \"absent\"") {
      _ = try file.requiredTensor(named: "absent")
    }
  }

  @Test(arguments: ElementType.allCases) func everyElementTypeOpens(type: ElementType) throws {
    var builder = GGUFBuilder()
    builder.addTensor("w", [2, 3, 512], type)
    let file = try open(builder)
    #expect(file.tensors[0].type == type)
    #expect(file.tensors[0].byteCount == 6 * 512 / type.blockElementCount * type.blockBytes)
  }

  /// A file with one tensor "w" that `change` makes wrong.
  private func openChanged(_ change: (inout GGUFBuilder) -> Void) throws -> GGUFFile {
    var builder = GGUFBuilder()
    builder.addTensor("v", [8])
    builder.addTensor("w", [4, 256], .q4_K)
    change(&builder)
    return try open(builder)
  }

  @Test(arguments: [
    (26, "I32"), (24, "I8"), (28, "F64"), (34, "TQ1_0"), (4, "number 4"), (1000, "number 1000"),
    (Int(UInt32.max), "supported"),
  ])
  func otherElementTypesAreNamed(number: Int, name: String) {
    expectError(.unsupportedElementType, "model.gguf", "tensor \"w\"", "number \(number)", name, "Q4_K, Q5_K")
    {
      _ = try openChanged { $0.tensors[1].typeNumber = UInt32(number) }
    }
  }

  @Test func shapesAreChecked() {
    for extents: [UInt64] in [[], [1, 1, 1, 1, 256]] {
      expectError(.malformed, "tensor \"w\"", "\(extents.count) dimensions") {
        _ = try openChanged { $0.tensors[1].extents = extents }
      }
    }
    for extent: UInt64 in [0, 1 << 63, .max] {
      expectError(.malformed, "tensor \"w\"", "dimension is \(extent)") {
        _ = try openChanged { $0.tensors[1].extents = [extent, 256] }
      }
    }
    expectError(.malformed, "tensor \"w\"", "too many elements") {
      _ = try openChanged { $0.tensors[1].extents = [1 << 32, 1 << 31, 256] }
    }
    expectError(.malformed, "tensor \"w\"", "too many bytes") {
      _ = try openChanged {
        $0.tensors[1].extents = [1 << 61, 2]
        $0.tensors[1].typeNumber = 0
      }
    }
    expectError(.malformed, "tensor \"w\"", "255", "Q4_K blocks of 256") {
      _ = try openChanged { $0.tensors[1].extents = [4, 255] }
    }
  }

  @Test func namesAreChecked() {
    expectError(.duplicate, "model.gguf", "tensor \"w\"") { _ = try openChanged { $0.tensors[0].name = "w" } }
    expectError(.malformed, "tensor name") { _ = try openChanged { $0.tensors[1].name = "" } }
    expectError(.tooLarge, "tensor name") {
      _ = try openChanged { $0.tensors[1].name = String(repeating: "n", count: 1025) }
    }
    expectError(.malformed, "tensor \"a\\nb\"") {
      _ = try openChanged {
        $0.tensors[1].name = "a\nb"
        $0.tensors[1].extents = [0]
      }
    }
  }

  @Test func placesAreChecked() {
    expectError(.malformed, "tensor \"w\"", "offset 33", "alignment 32") {
      _ = try openChanged { $0.tensors[1].offset = 33 }
    }
    for offset: UInt64 in [64, 1 << 32, 1 << 63, 0xFFFF_FFFF_FFFF_FFE0] {
      expectError(.truncated, "model.gguf", "tensor \"w\"", "cut short") {
        _ = try openChanged { $0.tensors[1].offset = offset }
      }
    }
    expectError(.overlap, "tensor \"w\"", "tensor \"v\"") { _ = try openChanged { $0.tensors[1].offset = 0 } }
  }

  @Test func aFileCutInItsLastTensorIsRefused() throws {
    let bytes = everythingBuilder().build()
    expectError(.truncated, "tensor \"output_norm.weight\"", "\(bytes.count - 1) bytes") {
      _ = try open(Array(bytes.dropLast()))
    }
    _ = try open(bytes + [1, 2, 3])
  }
}
