/// The variable `loop`. It draws items one at a time: the condition of a loop may depend on what its body does.
final class Loop: Object {
  private var source: ValueIterator
  private var current: Value?
  private var before: Value?
  private var after: Value?
  private var knownCount: Int?
  private(set) var index0 = -1
  let depth0: Int
  var lastChanged: [Value]?
  /// Draws the loop again for other items, where it is recursive.
  var recurse: ((Value, Int) throws -> Value)?

  /// - Parameter count: how many items there are, where that is known without looking.
  init(_ source: ValueIterator, count: Int?, depth0: Int) {
    self.source = source
    knownCount = count
    self.depth0 = depth0
  }

  override var typeName: String { "LoopContext" }
  override var isCallable: Bool { true }
  override func clear() {
    recurse = nil
    source.clear()
    (current, before, after, lastChanged) = (nil, nil, nil, nil)
  }

  /// Goes to the next item.
  func advance() throws -> Value? {
    let next: Value
    if let after {
      next = after
      self.after = nil
    } else if let drawn = try source.next() {
      next = drawn
    } else {
      return nil
    }
    index0 += 1
    before = current
    current = next
    return next
  }

  private func peek() throws -> Value? {
    if after == nil { after = try source.next() }
    return after
  }

  /// How many items there are; draws them all where it is not known.
  func count() throws -> Int {
    if let knownCount { return knownCount }
    var rest: [Value] = []
    while let value = try source.next() { rest.append(value) }
    source = ValueIterator(rest, depth: 1)
    let count = rest.count + index0 + 1 + (after == nil ? 0 : 1)
    knownCount = count
    return count
  }

  /// An attribute; nil where there is none of the name.
  func attribute(_ name: String) throws -> Value? {
    switch name {
    case "index": .integer(index0 + 1)
    case "index0": .integer(index0)
    case "first": .bool(index0 == 0)
    case "last": .bool(try peek() == nil)
    case "length": .integer(try count())
    case "revindex": .integer(try count() - index0)
    case "revindex0": .integer(try count() - index0 - 1)
    case "depth": .integer(depth0 + 1)
    case "depth0": .integer(depth0)
    case "previtem": index0 == 0 ? .undefined(Missing("there is no previous item")) : before
    case "nextitem": try peek() ?? .undefined(Missing("there is no next item"))
    case "cycle", "changed": .object(BoundMethod(.object(self), name))
    default: nil
    }
  }
}
