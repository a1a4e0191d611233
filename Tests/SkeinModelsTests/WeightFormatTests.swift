import SkeinModels
import SkeinTensor
import Testing

@testable import SkeinGraph

@Suite("Weight formats")
struct WeightFormatTests {
  @Test("Names are read whatever their case, and bits an element")
  func parsing() throws {
    for type in ElementType.allCases {
      #expect(try WeightFormat(type.name.lowercased()) == .elementType(type))
    }
    #expect(try WeightFormat("10.6bpw") == .bitsPerElement(10.6))
    #expect(try WeightFormat("10.6bpw").description == "10.6bpw")
    for text in ["q8_1", "", "bpw", "0bpw", "nanbpw", "-4bpw", "infbpw", "1e9bpw"] {
      #expect(throws: ModelError.self) { try WeightFormat(text) }
    }
    #expect { try WeightFormat("q8-0") } throws: { "\($0)".contains("the nearest is Q8_0") }
  }

  @Test("Matrices take the format, vectors stay F32")
  func types() {
    let format = WeightFormat.elementType(.q4_K)
    #expect(format.type(of: weight([4096, 4096])) == .q4_K)
    #expect(format.type(of: weight([8, 14336, 4096])) == .q4_K)
    #expect(format.type(of: weight([4096])) == .f32)
    #expect(format.type(of: weight([64, 4096], .router)) == .f32)
    #expect(format.byteCount(of: weight([4096, 4096])) == 4096 * 4096 / 256 * 144)
    #expect(format.byteCount(of: weight([4096])) == 4096 * 4)
  }

  @Test("Rows that are not whole blocks fall back to a finer format")
  func fallbacks() {
    func type(_ format: ElementType, columns: Int) -> ElementType {
      WeightFormat.elementType(format).type(of: weight([16, columns]))
    }
    #expect(type(.q4_K, columns: 896) == .q5_0)
    #expect(type(.q5_K, columns: 896) == .q5_1)
    #expect(type(.q6_K, columns: 896) == .q8_0)
    #expect(type(.q2_K, columns: 896) == .iq4_NL)
    #expect(type(.q8_0, columns: 896) == .q8_0)
    #expect(type(.q8_0, columns: 100) == .f16)
    #expect(type(.bf16, columns: 100) == .bf16)
    for format in ElementType.allCases {
      for columns in [100, 896, 4096] {
        let fallback = type(format, columns: columns)
        #expect(fallback.bitsPerElement >= format.bitsPerElement)
        #expect(fallback.rowBytes(elementCount: columns) != nil)
      }
    }
  }

  @Test("An average number of bits counts for every element of a matrix")
  func bits() {
    let format = WeightFormat.bitsPerElement(10.6)
    #expect(format.byteCount(of: weight([3, 5])) == 20)
    #expect(format.byteCount(of: weight([5])) == 20)
    #expect(format.nominalType == .q8_0)
    #expect(WeightFormat.bitsPerElement(1).nominalType == .q2_K)
    #expect(format.byteCount(of: weight([Int.max, 2])) == nil)
  }

  private func weight(_ extents: [Int], _ role: Role = .query) -> Weight {
    Weight(name: WeightName(NodeName(layer: 0, role)), shape: Shape(extents))
  }
}
