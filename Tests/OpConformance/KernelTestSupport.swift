import CKernels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory whose last byte lies right before a page that may not be touched, so that a kernel which reads
/// or writes past the end of a buffer crashes the test instead of passing by luck.
///
/// The start is aligned to 64 bytes only if the size is a multiple of 64; it is always aligned to an element.
final class GuardedBuffer<Element: BitwiseCopyable> {
  let count: Int
  let pointer: UnsafeMutablePointer<Element>
  private let mapping: UnsafeMutableRawPointer
  private let mappingBytes: Int

  init(count: Int, repeating value: Element) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let bytes = count * MemoryLayout<Element>.stride
    let usable = max(1, (bytes + page - 1) / page) * page
    mappingBytes = usable + page
    mapping = mmap(nil, mappingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(mapping != MAP_FAILED, "no memory for a test buffer of \(bytes) bytes")
    precondition(mprotect(mapping + usable, page, PROT_NONE) == 0)
    self.count = count
    pointer = (mapping + (usable - bytes)).bindMemory(to: Element.self, capacity: max(count, 1))
    pointer.initialize(repeating: value, count: count)
  }

  convenience init(_ elements: [Element]) {
    precondition(!elements.isEmpty)
    self.init(count: elements.count, repeating: elements[0])
    for (index, element) in elements.enumerated() { pointer[index] = element }
  }

  deinit { munmap(mapping, mappingBytes) }

  subscript(index: Int) -> Element {
    get { pointer[index] }
    set { pointer[index] = newValue }
  }

  func write(_ elements: [Element], at start: Int) {
    for (index, element) in elements.enumerated() { pointer[start + index] = element }
  }

  var array: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
  var raw: UnsafeMutableRawPointer { UnsafeMutableRawPointer(pointer) }
}

/// SplitMix64: the same numbers on every platform and in every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

/// The instruction sets that this processor can run, slowest first; the first is the reference.
let instructionSets: [String] = {
  var names: [String] = []
  while let name = skein_kernels_name(Int32(names.count)) { names.append(String(cString: name)) }
  return names
}()

func kernels(_ name: String) -> skein_kernels { skein_kernels_named(name)!.pointee }

/// Runs items 0 ..< `items` of a kernel, cut into pieces of `piece` items (all at once without it).
func run<Arguments>(
  _ kernel: (@convention(c) (UnsafeRawPointer?, Int32, Int32, UnsafeMutableRawPointer?) -> Void)?,
  _ arguments: Arguments, items: Int, piece: Int? = nil, workspaceBytes: Int = 0
) {
  // The patterns show a kernel that counts on a cleared workspace.
  let workspace = GuardedBuffer<UInt8>(count: (workspaceBytes + 63) / 64 * 64, repeating: 0xFF)
  withUnsafePointer(to: arguments) { pointer in
    var begin = 0
    while begin < items {
      let end = min(items, begin + (piece ?? items))
      kernel!(pointer, Int32(begin), Int32(end), workspace.raw)
      begin = end
    }
  }
}

/// The largest difference, relative to the largest magnitude of `expected` (or to each element's own
/// magnitude where `elementwise`). Infinite where one is NaN and the other is not.
func maximumRelativeError(_ actual: [Float], _ expected: [Double], elementwise: Bool = false) -> Double {
  precondition(actual.count == expected.count)
  let scale = expected.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
  var worst = 0.0
  for (a, e) in zip(actual, expected) {
    let value = Double(a)
    if value == e || (value.isNaN && e.isNaN) { continue }
    let error = abs(value - e) / (elementwise ? abs(e) : scale)
    worst = max(worst, error.isNaN ? .infinity : error)
  }
  return worst
}

func maximumRelativeError(_ actual: [Float], _ expected: [Float], elementwise: Bool = false) -> Double {
  maximumRelativeError(actual, expected.map(Double.init), elementwise: elementwise)
}

/// Whether both hold the same bits.
func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
}

// The C library's functions and F16 conversions, named here once so that tests need no platform imports.
func exponential(_ x: Double) -> Double { exp(x) }
func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
func errorFunctionComplement(_ x: Double) -> Double { erfc(x) }
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
func sineAndCosine(_ x: Double) -> (sine: Double, cosine: Double) { (sin(x), cos(x)) }
func half(_ x: Float) -> UInt16 { Float16(x).bitPattern }
func float(half bits: UInt16) -> Float { Float(Float16(bitPattern: bits)) }
