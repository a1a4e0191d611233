import SkeinModels
import SkeinTensor

extension Fleet {
  /// The fleet as it is for weights of a format. With an average number of bits, the rate of the element type that
  /// stands for it (`WeightFormat.nominalType`) is that of so many bits: reading takes as long as the bits say,
  /// arithmetic as long as it does for that type.
  public func adapted(to format: WeightFormat) -> Fleet {
    guard case .bitsPerElement(let bits) = format else { return self }
    let type = format.nominalType
    var fleet = self
    for index in fleet.devices.indices {
      fleet.devices[index].rates.linear[type.name] =
        devices[index].rates.linear[type.name]?.readingSlower(by: bits / type.bitsPerElement)
    }
    return fleet
  }
}

extension LinearRate {
  /// The rate of weights that take `factor` times the bytes. The first sample is taken for pure reading; where that
  /// would now take longer than the line says, the line is level.
  func readingSlower(by factor: Double) -> LinearRate {
    let reading = samples[0].secondsPerElement * factor
    var result = [Sample(tokens: samples[0].tokens, secondsPerElement: reading)]
    // The line goes on beyond the last sample; more tokens than this are in no pass.
    let end = max(samples[samples.count - 1].tokens * 2, 1e6)
    let line = samples + [Sample(tokens: end, secondsPerElement: secondsPerElement(tokens: end))]
    for (a, b) in zip(line, line.dropFirst()) where b.secondsPerElement > reading {
      if a.secondsPerElement < reading {
        let part = (reading - a.secondsPerElement) / (b.secondsPerElement - a.secondsPerElement)
        result.append(
          Sample(tokens: a.tokens + part * (b.tokens - a.tokens), secondsPerElement: reading))
      }
      result.append(b)
    }
    return LinearRate(result)
  }
}
