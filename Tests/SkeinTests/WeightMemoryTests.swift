import SkeinGraph
import Testing

@testable import Skein

/// Weights in the pages of the mapped file.
@Suite struct WeightMemoryTests {
  private func load(_ memory: PlanningOptions.WeightMemory, _ devices: String) async throws -> Model {
    var options = LoadOptions.devices(devices)
    options.planning.weightMemory = memory
    return try await Model.load(BundledModels.path(of: "stories-moe"), options: options)
  }

  /// The same but for the order of sums, as copies are packed for products (and then the rounding of activations to 8
  /// bits), on one device and on two that have different weights; and all but a few small weights are where the file
  /// has them.
  @Test(arguments: ["cpu", "cpu/2"]) func mappedWeightsAreTheSame(devices: String) async throws {
    let tokens: [Int32] = [1, 20, 300, 7, 5, 99]
    let copied = try await load(.copied, devices)
    let mapped = try await load(.mapped, devices)
    let difference = try await relativeDifference(copied.logits(tokens), mapped.logits(tokens))
    #expect(difference < 2e-2)
    #expect(copied.plan.devices.allSatisfy { $0.weights.allSatisfy { !$0.isMapped } })
    let slots = mapped.plan.devices.flatMap(\.weights)
    #expect(slots.contains { $0.isMapped } && slots.allSatisfy { $0.isMapped })
    // Every mapped weight has pages of its own.
    for device in mapped.plan.devices {
      let pages = device.weights.map { slot in
        let page = Plan.regionAlignment
        return slot.buffer.offset / page..<(slot.buffer.offset + slot.buffer.byteCount + page - 1) / page
      }
      let sorted = pages.sorted { $0.lowerBound < $1.lowerBound }
      for (a, b) in zip(sorted, sorted.dropFirst()) { #expect(a.upperBound <= b.lowerBound) }
    }
    #expect(
      mapped.reservedBytes
        == Dictionary(
          uniqueKeysWithValues: mapped.plan.devices.indices.map {
            (mapped.plan.devices[$0].device, mapped.plan.byteCount(device: $0))
          }))
  }

  /// Weights that are converted cannot stay where they are.
  @Test func convertedWeightsAreCopied() async throws {
    var options = LoadOptions.devices("cpu")
    options.planning.weightMemory = .mapped
    options.weights = .elementType(.f16)
    let model = try await Model.load(BundledModels.path(of: "stories"), options: options)
    let slots = model.plan.devices[0].weights
    #expect(slots.contains { $0.type == .f16 } && slots.allSatisfy { $0.type != .f16 || !$0.isMapped })
  }
}
