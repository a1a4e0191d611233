/// Which steps are certain to be done when another begins, on whatever device: the order that copies enforce.
///
/// For each step a count for each device: that many of its steps are done. A step follows the one before it in
/// its list; a copy also follows the step that it copies from.
struct HappensBefore {
  private let doneCounts: [[[Int]]]
  private let readers: [StepReference: [StepReference]]

  /// The order of these lists, one a device; throws where devices wait for each other in a circle.
  init(_ steps: [[Step]]) throws(GraphError) {
    var done = steps.map { _ in [[Int]]() }
    var readers: [StepReference: [StepReference]] = [:]
    var moved = true
    while moved {
      moved = false
      for device in steps.indices {
        while done[device].count < steps[device].count {
          let index = done[device].count
          var counts = done[device].last ?? [Int](repeating: 0, count: steps.count)
          counts[device] = index
          if case .copy(let from, _) = steps[device][index].kind {
            guard steps.indices.contains(from.device), done[from.device].count > from.step else { break }
            for (other, count) in done[from.device][from.step].enumerated() {
              counts[other] = max(counts[other], count)
            }
            counts[from.device] = max(counts[from.device], from.step + 1)
            readers[from, default: []].append(StepReference(device: device, step: index))
          }
          done[device].append(counts)
          moved = true
        }
      }
    }
    for device in steps.indices where done[device].count < steps[device].count {
      let step = done[device].count
      throw GraphError(.invalidPlan, "step \(step) of device \(device) waits in a circle")
    }
    doneCounts = done
    self.readers = readers
  }

  /// Whether `step` is done when `other` begins.
  func isDone(_ step: StepReference, before other: StepReference) -> Bool {
    doneCounts[other.device][other.step][step.device] > step.step
  }

  /// The copies that fetch what `step` makes.
  func readers(of step: StepReference) -> [StepReference] { readers[step, default: []] }

  /// The first step of the same device, after `step`, before which all other devices have fetched its result;
  /// the end of the list where the device never learns of it.
  func lastRemoteUse(of step: StepReference) -> Int {
    let count = doneCounts[step.device].count
    return readers(of: step).reduce(step.step) { latest, reader in
      max(
        latest,
        (step.step..<count).first { isDone(reader, before: StepReference(device: step.device, step: $0)) }
          ?? count)
    }
  }
}
