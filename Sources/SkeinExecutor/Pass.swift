import SkeinDevices
import SkeinGraph

/// A micro-batch in flight. One object for each slot, used again and again.
final class Pass {
  /// Tokens, outputs, and the slot that the pass has.
  var shape: PassShape
  /// For each device, the steps it has done.
  var progress: [Int]
  /// Where the logits of this pass go.
  var logits: UnsafeMutableRawBufferPointer?
  /// For each device and step, the event that other devices await.
  let events: [[any DeviceEvent]]
  /// For each device, an event that happens when it is done with the slot's pass. Two sets that take turns:
  /// a device may be done with a new pass while another still looks whether all were done with the former.
  private let finishedEvents: [[any DeviceEvent]]
  private var useCount = 0
  private let inputs: InputSlots
  private let staging: UnsafeMutableRawBufferPointer

  init(slot: Int, plan: Plan, queues: [any DeviceQueue]) {
    shape = PassShape(serial: -1, slot: slot, tokenCount: 0, outputCount: 0)
    progress = plan.devices.map(\.steps.count)
    inputs = plan.devices[0].inputs
    let last = inputs.pageTable
    staging = .allocate(byteCount: last.offset + last.byteCount, alignment: Plan.bufferAlignment)
    finishedEvents = [queues.map { $0.makeEvent() }, queues.map { $0.makeEvent() }]
    events = zip(plan.devices, queues).map { device, queue in
      // Steps that nobody awaits share one event, which is never recorded.
      let none = queue.makeEvent()
      return device.steps.map { $0.isAwaited ? queue.makeEvent() : none }
    }
  }

  deinit { staging.deallocate() }

  /// For each device, the event to record when it is done with this pass.
  var finished: [any DeviceEvent] { finishedEvents[useCount % 2] }

  /// For each device, the event of the pass that had the slot before; none for the first.
  var formerFinished: [any DeviceEvent] { useCount > 1 ? finishedEvents[(useCount + 1) % 2] : [] }

  /// Fills in a run of a batch's tokens.
  func prepare(_ batch: Batch, tokens: Range<Int>, outputs: Range<Int>, pageTable: [Int32], serial: Int) {
    useCount += 1
    shape.serial = serial
    shape.tokenCount = tokens.count
    shape.outputCount = outputs.count
    for device in progress.indices { progress[device] = 0 }
    fill(inputs.tokens) { $0.update(from: batch.tokens, in: tokens) }
    fill(inputs.positions) { $0.update(from: batch.positions, in: tokens) }
    fill(inputs.sequences) { $0.update(from: batch.sequences, in: tokens) }
    fill(inputs.outputRows) { rows in
      for (row, output) in outputs.enumerated() {
        rows[row] = batch.outputs[output] - Int32(tokens.lowerBound)
      }
    }
    fill(inputs.pageTable) { $0.update(from: pageTable, in: pageTable.indices) }
  }

  private func fill(_ buffer: Buffer, _ body: (UnsafeMutableBufferPointer<Int32>) -> Void) {
    let bytes = UnsafeMutableRawBufferPointer(
      rebasing: staging[buffer.offset..<buffer.offset + buffer.byteCount])
    body(bytes.bindMemory(to: Int32.self))
  }

  /// Copies the inputs to a device. `base` is the offset of the pass's region there.
  func upload(to queue: any DeviceQueue, base: Int) throws(DeviceError) {
    func write(_ buffer: Buffer, _ count: Int) throws(DeviceError) {
      let bytes = UnsafeRawBufferPointer(rebasing: staging[buffer.offset..<buffer.offset + count * 4])
      try queue.write(bytes, to: base + buffer.offset)
    }
    try write(inputs.tokens, shape.tokenCount)
    try write(inputs.positions, shape.tokenCount)
    try write(inputs.sequences, shape.tokenCount)
    try write(inputs.outputRows, shape.outputCount)
    try write(inputs.pageTable, inputs.pageTable.byteCount / 4)
  }
}

extension UnsafeMutableBufferPointer<Int32> {
  /// Copies `source[range]` to the front.
  fileprivate func update(from source: [Int32], in range: Range<Int>) {
    for (place, index) in range.enumerated() { self[place] = source[index] }
  }
}
