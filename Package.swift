// swift-tools-version: 6.2
import PackageDescription

// Floors: a target imports only targets on the floors below it. ARCHITECTURE.md has the map.
let package = Package(
  name: "skein",
  products: [
    .library(name: "Skein", targets: ["Skein"]),
    .executable(name: "skein", targets: ["SkeinCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Floor 0
    .systemLibrary(
      name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"]), .brew(["pcre2"])]),
    .systemLibrary(
      name: "CHwloc", pkgConfig: "hwloc", providers: [.apt(["libhwloc-dev"]), .brew(["hwloc"])]),
    .target(name: "CSystem"),
    .target(name: "CKernels"),
    .target(name: "SkeinTensor"),
    .target(
      name: "SkeinJSON", dependencies: [.product(name: "OrderedCollections", package: "swift-collections")]),
    // Floor 1
    .target(name: "SkeinText", dependencies: ["SkeinJSON", "CPCRE2"]),
    .target(
      name: "SkeinTemplate",
      dependencies: ["SkeinJSON", .product(name: "OrderedCollections", package: "swift-collections")]),
    .target(name: "SkeinFiles", dependencies: ["SkeinJSON", "SkeinTensor", "CSystem"]),
    .target(name: "SkeinGraph", dependencies: ["SkeinTensor"]),
    // Floor 2
    .target(name: "SkeinModels", dependencies: ["SkeinGraph", "SkeinFiles", "SkeinJSON", "SkeinTensor"]),
    .target(
      name: "SkeinDevices", dependencies: ["SkeinGraph", "SkeinTensor", "CKernels", "CSystem", "CHwloc"]),
    // Floor 3
    .target(
      name: "SkeinPlanner",
      dependencies: [
        "SkeinGraph", "SkeinModels", "SkeinTensor", "CPCRE2", .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "SkeinQuantization",
      dependencies: ["SkeinModels", "SkeinFiles", "SkeinDevices", "SkeinTensor", "CKernels"]),
    .target(name: "SkeinExecutor", dependencies: ["SkeinGraph", "SkeinDevices", "SkeinTensor", "CSystem"]),
    // Floor 4
    .target(
      name: "Skein",
      dependencies: [
        "SkeinText", "SkeinFiles", "SkeinModels", "SkeinGraph", "SkeinDevices", "SkeinExecutor",
        "SkeinPlanner", "SkeinTemplate", "SkeinTensor", "SkeinJSON", "CKernels", "CSystem",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),
    // Floor 5
    .executableTarget(
      name: "SkeinCommand",
      dependencies: [
        "Skein", "SkeinDevices", "SkeinExecutor", "SkeinFiles", "SkeinGraph", "SkeinJSON", "SkeinModels",
        "SkeinPlanner", "SkeinQuantization", "SkeinTemplate", "SkeinTensor", "SkeinText",
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // Built with everything else, so that they keep working.
    .executableTarget(name: "GenerateExample", dependencies: ["Skein"], path: "Examples/Generate"),
    // Tests mirror Sources.
    .target(
      name: "SkeinTestSupport", dependencies: ["SkeinTensor", "SkeinGraph", "SkeinPlanner"],
      path: "Tests/SkeinTestSupport"),
    .testTarget(
      name: "OpConformance", dependencies: ["CKernels", "SkeinTensor"], resources: [.copy("Fixtures")]),
    .testTarget(name: "SkeinJSONTests", dependencies: ["SkeinJSON", "SkeinTestSupport"]),
    .testTarget(name: "SkeinTextTests", dependencies: ["SkeinText"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "SkeinTemplateTests", dependencies: ["SkeinTemplate", "SkeinJSON"], resources: [.copy("Fixtures")]
    ),
    .testTarget(
      name: "SkeinFilesTests", dependencies: ["SkeinFiles", "SkeinTensor", "SkeinTestSupport"]),
    .testTarget(name: "SkeinGraphTests", dependencies: ["SkeinGraph", "SkeinTestSupport"]),
    .testTarget(
      name: "SkeinModelsTests", dependencies: ["SkeinModels", "SkeinFiles", "SkeinTestSupport"]),
    .testTarget(
      name: "SkeinPlannerTests",
      dependencies: ["SkeinPlanner", "SkeinModels", "SkeinFiles", "SkeinTestSupport"]),
    .testTarget(
      name: "SkeinQuantizationTests",
      dependencies: [
        "SkeinQuantization", "SkeinModels", "SkeinFiles", "SkeinDevices", "SkeinGraph", "SkeinTestSupport",
      ]),
    .testTarget(name: "SkeinDevicesTests", dependencies: ["SkeinDevices", "CSystem"]),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .testTarget(
      name: "SkeinExecutorTests",
      dependencies: ["SkeinExecutor", "SkeinDevices", "SkeinTestSupport", "CAllocationCounter"]),
    .testTarget(
      name: "SkeinTests",
      dependencies: [
        "Skein", "CKernels", "SkeinTestSupport", "SkeinTemplate", "SkeinJSON", "SkeinFiles", "SkeinModels",
        "SkeinTensor",
      ],
      resources: [.copy("Fixtures")]),
    .testTarget(name: "SkeinCommandTests", dependencies: ["SkeinCommand", "SkeinTestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu11
)
