/// What goes round a text, or round two.
struct PostProcessor: Sendable {
  enum Part: Sendable, Hashable {
    case first
    case second
    case special([Int32])
  }

  var single: [Part] = [.first]
  var pair: [Part] = [.first, .second]

  func process(_ first: [Int32], _ second: [Int32]?, addsSpecial: Bool) -> [Int32] {
    if second == nil, single.count == 1, single[0] == .first { return first }
    var result: [Int32] = []
    result.reserveCapacity(first.count + (second?.count ?? 0) + 4)
    for part in second == nil ? single : pair {
      switch part {
      case .first: result.append(contentsOf: first)
      case .second: result.append(contentsOf: second ?? [])
      case .special(let ids): if addsSpecial { result.append(contentsOf: ids) }
      }
    }
    return result
  }
}
