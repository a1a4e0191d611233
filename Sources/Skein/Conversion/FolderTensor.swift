import SkeinFiles
import SkeinModels
import SkeinTensor

/// A tensor of a GGUF file that is made of weights of a folder, row by row.
struct FolderTensor: Sendable {
  /// Which row of the folder's weights a row of the tensor is.
  enum Order: Sendable {
    /// The same.
    case same
    /// Rows of heads, the first `rotated` of each in the order that makes rotated pairs neighbours, where the folder
    /// has the first halves of all pairs before the second.
    case pairs(headRows: Int, rotated: Int)
    /// The last `count` rows of every head of `headRows`.
    case lastOfHeads(headRows: Int, count: Int)

    func stored(_ row: Int) -> Int {
      switch self {
      case .same: return row
      case .pairs(let headRows, let rotated):
        let (head, place) = row.quotientAndRemainder(dividingBy: headRows)
        return place < rotated ? head * headRows + place % 2 * (rotated / 2) + place / 2 : row
      case .lastOfHeads(let headRows, let count):
        let (head, place) = row.quotientAndRemainder(dividingBy: count)
        return head * headRows + headRows - count + place
      }
    }
  }

  /// The weights, one after the other; those of a fused tensor are several.
  let weights: [StoredWeight]
  /// What is in which order.
  let order: Order
  /// Elements of a stored row: 1 for vectors.
  let columnCount: Int
  private let runs: [(first: Int, run: StoredRun, addend: Float)]

  init(_ weights: [StoredWeight], order: Order = .same) {
    self.weights = weights
    self.order = order
    columnCount = weights.first?.columnCount ?? 1
    var first = 0
    var runs: [(first: Int, run: StoredRun, addend: Float)] = []
    for weight in weights {
      for run in weight.runs {
        runs.append((first, run, weight.addend))
        first += run.count
      }
    }
    self.runs = runs
  }

  /// Rows of stored columns that are read at once share cache lines.
  private static let mostColumnsAtOnce = 16

  /// Reads stored rows, which are elements of a vector: `[rows.count][columnCount]`.
  func read(_ rows: Range<Int>, _ files: [MappedFile], into values: UnsafeMutablePointer<Float>) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      let stored = order.stored(row)
      let (first, run, addend) = runs[place(of: stored)]
      let start = stored - first
      var count = 1
      if case .same = order { count = min(rows.upperBound - row, run.count - start) }
      if run.order == .columns { count = min(count, Self.mostColumnsAtOnce) }
      let target = values + (row - rows.lowerBound) * columnCount
      StoredRows(run: run, columnCount: columnCount, files: files).read(start..<start + count, into: target)
      if addend != 0 {
        for index in 0..<count * columnCount { target[index] += addend }
      }
      row += count
    }
  }

  /// The run that a stored row is in.
  private func place(of row: Int) -> Int {
    var (low, high) = (0, runs.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if runs[middle].first <= row { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// The bytes where they lie in a file as they are to be written; nil where they do not.
  func storedBytes(_ files: [MappedFile]) -> UnsafeRawBufferPointer? {
    guard case .same = order, weights.count == 1, weights[0].runs.count == 1, weights[0].isGivenAsStored
    else { return nil }
    let run = weights[0].runs[0]
    let start = run.rowOffset(0)
    return UnsafeRawBufferPointer(rebasing: files[run.part].bytes[start..<start + weights[0].byteCount])
  }

  /// Lets the system drop the pages.
  func release(_ files: [MappedFile]) {
    for (_, run, _) in runs where run.order == .rows && run.count > 0 {
      files[run.part].release(run.rowOffset(0)..<run.rowOffset(run.count - 1) + run.strideBytes)
    }
  }
}
