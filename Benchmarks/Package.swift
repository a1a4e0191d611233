// swift-tools-version: 6.2
import PackageDescription

// Kernels, one at a time, against the limits of the processor. A package of its own, so that building Skein needs
// nothing of it: `make bench-kernels`. It has the kernels by a link to their folder: a dependency on the package beside
// is refused, since swift-system, which the benchmarks need, has a target named CSystem too.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    // Without its traits: they count allocations by a replaced malloc, and kernels allocate nothing.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: [])
  ],
  targets: [
    .target(name: "CKernels", path: "CKernels"),
    // The plugin takes targets in a folder named Benchmarks: this package's own.
    .executableTarget(
      name: "Kernels",
      dependencies: ["CKernels", .product(name: "Benchmark", package: "benchmark")],
      path: "Kernels",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu11
)
