import Foundation
import Skein
import SkeinTestSupport
import Testing

/// A thousand damaged model files, loaded and run: an error each, or a model that runs.
@Suite(.timeLimit(.minutes(5))) struct DamagedModelTests {
  @Test func damagedFilesGiveErrors() async {
    await #expect(processExitsWith: .success) {
      var generator = SplitMix64(state: 9)
      let builder = GGUFBuilder.llama(layers: 1, vocabulary: 262, width: 32, feedForward: 32) {
        rows, columns in
        let values = (0..<rows * columns).map { _ in Float.random(in: -0.2...0.2, using: &generator) }
        return (.f32, values.withUnsafeBytes { Array($0) })
      }
      var mutations: [[UInt8]] = []
      // Numbers, lengths, types, offsets and hyper-parameters; cuts; swapped fields; flipped bytes.
      let mutator = GGUFMutator(builder.build(), seed: 4)
      let header = builder.build().count - builder.tensors.reduce(0) { $0 + $1.bytes.count }
      mutator.forEachNumber { mutations.append($0.bytes) }
      mutator.forEachSwap { mutations.append($0.bytes) }
      for position in stride(from: 0, to: header, by: 23) {
        mutations.append(Array(mutator.bytes.prefix(position)))
        var flipped = mutator.bytes
        flipped[position] ^= UInt8.random(in: 1...255, using: &generator)
        mutations.append(flipped)
      }
      // Every one costs a process's worth of threads: take a thousand, evenly.
      let step = max(mutations.count / 1000, 1)
      let folder = TemporaryFolder()
      var errors = 0
      var tried = 0
      for index in stride(from: 0, to: mutations.count, by: step) {
        tried += 1
        do {
          let model = try await Model.load(folder.write("damaged.gguf", mutations[index]))
          _ = try await model.logits([1, 5, 9])
        } catch {
          precondition("\(error)".count < 2000 && !"\(error)".isEmpty)
          errors += 1
        }
      }
      precondition(tried >= 1000 && errors > tried / 2, "\(errors) errors of \(tried)")
    }
  }

  /// The same for a file with latent attention and experts, which has hyper-parameters of its own.
  @Test func damagedMixturesGiveErrors() async {
    await #expect(processExitsWith: .success) {
      var generator = SplitMix64(state: 10)
      let bytes = try Array(Data(contentsOf: URL(filePath: Reference.modelPath("deepseek-v3"))))
      var mutations: [[UInt8]] = []
      // Every byte of the hyper-parameters, which lie before the vocabulary, and some of what follows.
      for position in Array(24..<1600) + Array(stride(from: 1600, to: 14_000, by: 41)) {
        var flipped = bytes
        flipped[position] ^= UInt8.random(in: 1...255, using: &generator)
        mutations.append(flipped)
      }
      let folder = TemporaryFolder()
      var errors = 0
      for mutation in mutations {
        do {
          let model = try await Model.load(folder.write("damaged.gguf", mutation))
          _ = try await model.logits([1, 5, 9])
        } catch {
          precondition("\(error)".count < 2000 && !"\(error)".isEmpty)
          errors += 1
        }
      }
      precondition(errors > mutations.count / 3, "\(errors) errors of \(mutations.count)")
    }
  }
}
