import CKernels
import SkeinGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension CPUQueue {
  /// The whole result of a node of which there are parts.
  func putTogether(_ step: CPUStep, y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape) {
    switch step.kernel {
    case .reduce(let args): reduce(args, step, y: y, rows: rows, pass: pass)
    case .join(let columns): join(columns, step, y: y, rows: rows, pass: pass)
    default: break
    }
  }

  /// The sum of the parts of a node's result, in their order.
  private func reduce(
    _ template: skein_add_args, _ step: CPUStep, y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape
  ) {
    var args = template
    args.y = y
    for (index, part) in step.inputs.enumerated().dropFirst() {
      let first = index == 1 ? address(step.inputs[0], slot: pass.slot) : UnsafeMutableRawPointer(y)
      args.a = UnsafePointer(first.assumingMemoryBound(to: Float.self))
      args.b = UnsafePointer(address(part, slot: pass.slot).assumingMemoryBound(to: Float.self))
      team.run(kernels.pointee.add, &args, items: rows, grain: team.grain(items: rows))
    }
  }

  /// The parts of a node's result side by side, each of so many columns.
  private func join(
    _ columns: [Int], _ step: CPUStep, y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape
  ) {
    let width = columns.reduce(0, +)
    var first = 0
    for (part, count) in zip(step.inputs, columns) {
      let source = address(part, slot: pass.slot).assumingMemoryBound(to: Float.self)
      for row in 0..<rows { memcpy(y + row * width + first, source + row * count, count * 4) }
      first += count
    }
  }
}
