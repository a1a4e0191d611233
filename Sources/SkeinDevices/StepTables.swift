import SkeinGraph

/// Tables that the arguments of kernels point to, alive as long as this object.
final class StepTables {
  private var frequencies: [Rope: UnsafeMutableBufferPointer<Float>] = [:]
  private var places: [ExpertSet: UnsafeMutableBufferPointer<Int32>] = [:]

  /// Rotation frequencies: one table for each different rope of a plan.
  func frequencies(of rope: Rope) -> UnsafePointer<Float> {
    // Queries and keys differ only in the number of heads.
    var key = rope
    key.headCount = 1
    if let known = frequencies[key] { return UnsafePointer(known.baseAddress!) }
    let values = rope.frequencies
    let table = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
    _ = table.initialize(from: values)
    frequencies[key] = table
    return UnsafePointer(table.baseAddress!)
  }

  /// For each of `expertCount` experts its number among those of a set, or -1.
  func places(of set: ExpertSet, expertCount: Int) -> UnsafePointer<Int32> {
    if let known = places[set], known.count == expertCount { return UnsafePointer(known.baseAddress!) }
    let table = UnsafeMutableBufferPointer<Int32>.allocate(capacity: expertCount)
    table.initialize(repeating: -1)
    for (place, number) in set.numbers.enumerated() { table[number] = Int32(place) }
    // Layers of one plan may have different numbers of experts: then the former table stays in use.
    if let former = places.updateValue(table, forKey: set) { replaced.append(former) }
    return UnsafePointer(table.baseAddress!)
  }

  private var replaced: [UnsafeMutableBufferPointer<Int32>] = []

  deinit {
    for table in frequencies.values { table.deallocate() }
    for table in Array(places.values) + replaced { table.deallocate() }
  }
}
