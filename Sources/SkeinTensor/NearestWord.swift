/// The word of a list that takes the fewest edits (Levenshtein) from `word`, for naming it in an error; nil for
/// an empty list. Upper and lower case count as the same. Words are cut at 80 characters.
public func nearestWord(to word: String, in known: [String]) -> String? {
  let wanted = Array(word.lowercased().prefix(80))
  return known.min { edits($0, wanted) < edits($1, wanted) }
}

private func edits(_ a: String, _ b: [Character]) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.lowercased().prefix(80).enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let substituted = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
