/// Some of the experts of a layer, by their numbers: runs of consecutive ones.
public struct ExpertSet: Hashable, Sendable, CustomStringConvertible {
  /// Rising, not empty, none touching the next.
  public let runs: [Range<Int>]

  /// The experts of a run.
  public init(_ run: Range<Int>) { runs = run.isEmpty ? [] : [run] }

  /// The experts with these numbers, in whatever order.
  public init(_ numbers: some Sequence<Int>) {
    var runs: [Range<Int>] = []
    for number in Set(numbers).sorted() {
      if let last = runs.last, last.upperBound == number {
        runs[runs.count - 1] = last.lowerBound..<number + 1
      } else {
        runs.append(number..<number + 1)
      }
    }
    self.runs = runs
  }

  /// How many there are.
  public var count: Int { runs.reduce(0) { $0 + $1.count } }
  /// Their numbers, rising.
  public var numbers: [Int] { runs.flatMap(Array.init) }
  /// Whether an expert is among them.
  public func contains(_ number: Int) -> Bool { runs.contains { $0.contains(number) } }

  /// `0-3, 7`
  public var description: String {
    runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound - 1)" }
      .joined(separator: ", ")
  }
}

/// What a device computes of a mixture: some of its experts, and of each some of its inner values.
///
/// Experts are independent, and so are the inner values of an expert up to the last sum: the parts of a mixture,
/// added up, are the mixture.
public struct ExpertSlice: Hashable, Sendable {
  /// The experts.
  public var experts: ExpertSet
  /// The inner values of each: rows of gate and up, columns of down.
  public var inner: Range<Int>

  /// These inner values of these experts.
  public init(experts: ExpertSet, inner: Range<Int>) {
    self.experts = experts
    self.inner = inner
  }
}

extension Experts {
  /// The slice that is everything.
  public var whole: ExpertSlice { ExpertSlice(experts: ExpertSet(0..<expertCount), inner: 0..<expertWidth) }

  /// A part as a mixture of its own. Of the experts that a token chooses, some may not be in it.
  public func part(_ slice: ExpertSlice) -> Experts {
    Experts(
      expertCount: slice.experts.count, chosenCount: chosenCount, expertWidth: slice.inner.count,
      activation: activation)
  }
}

/// What a device holds of a stack of matrices: some matrices, and of each some rows and columns. In the device's
/// memory they lie close together, as a smaller stack. A single matrix counts as a stack of its rows, a vector as one
/// row.
public struct WeightSlice: Hashable, Sendable {
  /// The matrices; of a single matrix, the rows.
  public var matrices: ExpertSet
  /// Rows of each.
  public var rows: Range<Int>
  /// Columns of each, at whole blocks of the weight's format.
  public var columns: Range<Int>

  /// A part of a stack.
  public init(matrices: ExpertSet, rows: Range<Int>, columns: Range<Int>) {
    self.matrices = matrices
    self.rows = rows
    self.columns = columns
  }
}
