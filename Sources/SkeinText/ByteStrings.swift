/// Many byte strings end to end in one allocation.
struct ByteStrings: Sendable {
  private(set) var bytes: [UInt8] = []
  private(set) var ends: [Int] = [0]

  var count: Int { ends.count - 1 }

  init(reservingCount count: Int) {
    ends.reserveCapacity(count + 1)
    bytes.reserveCapacity(count * 8)
  }

  func range(_ index: Int) -> Range<Int> { ends[index]..<ends[index + 1] }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

  mutating func append(_ string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }
}
