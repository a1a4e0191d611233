import SkeinFiles
import Synchronization

/// The matrices from compressed rows to keys, which GGUF files have the other way round from folders: kept in memory
/// while they are written, a layer at a time.
final class LatentKeys: Sendable {
  private let both: FolderTensor
  private let headCount: Int
  private let headRows: Int
  private let width: Int
  private let rank: Int
  private let values = Mutex<[Float]?>(nil)

  /// - Parameters:
  ///   - both: for each head `width` rows of the keys, then those of the values, each of `rank` columns.
  ///   - headRows: rows of a head.
  init(_ both: FolderTensor, headCount: Int, headRows: Int, width: Int, rank: Int) {
    self.both = both
    self.headCount = headCount
    self.headRows = headRows
    self.width = width
    self.rank = rank
  }

  /// Reads rows of `[headCount * rank][width]`.
  func read(_ rows: Range<Int>, _ files: [MappedFile], into target: UnsafeMutablePointer<Float>) {
    values.withLock { values in
      let all = values ?? transposed(files)
      values = all
      let range = rows.lowerBound * width..<rows.upperBound * width
      all.withUnsafeBufferPointer {
        target.update(from: $0.baseAddress! + range.lowerBound, count: range.count)
      }
    }
  }

  private func transposed(_ files: [MappedFile]) -> [Float] {
    var result = [Float](repeating: 0, count: headCount * rank * width)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rank) { row in
      for head in 0..<headCount {
        for place in 0..<width {
          let stored = head * headRows + place
          both.read(stored..<stored + 1, files, into: row.baseAddress!)
          for column in 0..<rank { result[(head * rank + column) * width + place] = row[column] }
        }
      }
    }
    return result
  }

  /// Gives the memory back.
  func release() { values.withLock { $0 = nil } }
}
