// swift-tools-version: 6.2
import PackageDescription

// Kernels, one at a time, against the limits of the processor. A package of its own, so that building Skein needs
// nothing of it: `make bench-kernels`.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "skein", path: ".."),
    // Without its traits: they count allocations by a replaced malloc, and kernels allocate nothing.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    // The plugin takes targets in a folder named Benchmarks: this package's own.
    .executableTarget(
      name: "Kernels",
      dependencies: [
        .product(name: "CKernels", package: "skein"), .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Kernels",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ],
  swiftLanguageModes: [.v6]
)
