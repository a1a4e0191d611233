/// A time axis: round numbers in one unit.
struct TimelineAxis {
  /// A mark.
  struct Tick {
    /// Seconds from the start.
    var seconds: Double
    /// With its unit: `20 ms`.
    var label: String
  }

  /// From 0 to the end.
  let ticks: [Tick]

  /// - Parameters:
  ///   - seconds: the end of the axis.
  ///   - mostTicks: marks are 1, 2 or 5 times a power of ten apart, as close as this allows.
  init(seconds: Double, mostTicks: Int) {
    let unit = TimeUnit(for: seconds)
    let length = seconds * unit.perSecond
    guard length > 0, length.isFinite else {
      ticks = [Tick(seconds: 0, label: "0 \(unit.name)")]
      return
    }
    var (power, places) = (1.0, 0)
    while length / power > Double(mostTicks) { power *= 10 }
    while length / (power / 10) <= Double(mostTicks) {
      power /= 10
      places += 1
    }
    // The least power of ten that is not too close, or a half or a fifth of it.
    var step = power
    for factor in [0.5, 0.2] where length / (power * factor) <= Double(mostTicks) { step = power * factor }
    if step < power, power <= 1 { places += 1 }
    ticks = (0...Int(length / step * (1 + 1e-12))).map { index in
      Tick(
        seconds: Double(index) * step / unit.perSecond,
        label: "\(decimal(Double(index) * step, places: places)) \(unit.name)")
    }
  }
}
