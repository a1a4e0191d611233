import SkeinGraph
import SkeinModels

extension LlamaCppOptions {
  /// What the options make of a model. Layers and output are dealt as llama.cpp does; the embedding stays with the
  /// host; a node with weights goes where an override puts them.
  ///
  /// - Throws: `PlannerError` where an expression is none, or takes too long to search for.
  public func evaluate(_ context: PlacementContext) throws(PlannerError) -> PlacementEvaluation {
    let graph = context.modules.graph
    let gpus = gpuDevices(context)
    let layers = layerDevices(graph.layerCount, gpus: gpus, host: context.hostDevice)
    let patterns = try compiledPatterns()
    var usage = RuleUsage(overrides.map { RuleUsage.Rule(name: $0.title, line: $0.line) })
    var shares = [[DeviceShare]](repeating: [], count: graph.nodes.count)
    var findings: [Finding] = []
    for node in graph.nodes {
      let homes =
        graph.isBeforeLayers(node)
        ? [DeviceShare(context.hostDevice)]
        : homes(layers[node.name.layer ?? graph.layerCount], gpus: gpus, host: context.hostDevice)
      let home = homes[0].device
      var isOverridden = false
      var parts: [(device: DeviceID, elements: Int)] = []
      for weight in node.weights {
        let name = context.modules.tensorName(of: weight)
        var matching: [Int] = []
        for (index, pattern) in patterns.enumerated() {
          do { if try pattern.matches(name) { matching.append(index) } } catch {
            throw PlannerError(
              .invalidRule, "\(overrides[index].title) \(error.message)", path: path,
              line: overrides[index].line)
          }
        }
        let override = usage.note(matching).map { overrides[$0] }
        isOverridden = isOverridden || override != nil
        parts.append(
          (
            override.map { Self.device($0.buffer, host: context.hostDevice) } ?? home,
            graph[weight].shape.elementCount ?? 0
          ))
      }
      if let device = mainDevice(parts) {
        shares[node.id.index] = isOverridden ? [DeviceShare(device)] : homes
        if let finding = splitFinding(node, parts, device, context.modules) { findings.append(finding) }
      } else if staysHome(node.op) {
        shares[node.id.index] = homes
      }
    }
    UnnamedNodes(graph).place(&shares)
    findings += deviceFindings(context, gpus)
    findings += overrideFindings(usage, context.modules)
    return PlacementEvaluation(
      shares: shares, streamed: [], deviceOrder: gpus + [context.hostDevice], findings: findings.byLine())
  }

  /// The cache is on the layer's device, and so is the residual stream; the rest goes with its inputs.
  private func staysHome(_ op: Op) -> Bool {
    switch op {
    case .attention, .latentAttention, .add, .selectRows: true
    default: false
    }
  }

  /// The devices of a layer that is dealt to a device: all GPUs, where they share every layer.
  private func homes(_ device: DeviceID, gpus: [DeviceID], host: DeviceID) -> [DeviceShare] {
    guard splitMode == .row, device != host else { return [DeviceShare(device)] }
    let given = gpus.indices.map { $0 < tensorSplit.count ? Double(tensorSplit[$0]) : 0 }
    let parts = given.contains { $0 > 0 } ? given : gpus.map { _ in 1 }
    let sum = parts.reduce(0, +)
    return zip(gpus, parts).filter { $0.1 > 0 }.map { DeviceShare($0, fraction: $1 / sum) }
  }

  /// The device that each layer goes to, then that of the output.
  ///
  /// As llama.cpp does it: the last layers go to GPUs, with the output as one of them; a layer's place among
  /// those, from 0 to 1, falls into the part of a GPU, in float32.
  func layerDevices(_ layerCount: Int, gpus: [DeviceID], host: DeviceID) -> [DeviceID] {
    let asked = gpuLayerCount ?? layerCount + 1
    let first = max(layerCount + 1 - asked, 0)
    let count = gpus.isEmpty ? 0 : min(asked, layerCount + 1)
    var ends: [Float] = []
    var sum: Float = 0
    let given = gpus.indices.map { $0 < tensorSplit.count ? tensorSplit[$0] : 0 }
    for part in given.contains(where: { $0 != 0 }) ? given : gpus.map({ _ in 1 }) {
      sum += part
      ends.append(sum)
    }
    for index in ends.indices { ends[index] /= sum }
    return (0...layerCount).map { layer in
      guard layer >= first, layer - first < count else { return host }
      let place = Float(layer - first) / Float(count)
      return gpus[ends.firstIndex { $0 > place } ?? gpus.count - 1]
    }
  }

  /// The GPUs that layers are dealt to: those asked for, or all that there are, or as many as the options name.
  private func gpuDevices(_ context: PlacementContext) -> [DeviceID] {
    let host = context.hostDevice
    var all: [DeviceID]
    if let gpus {
      all = gpus.map { Self.device($0, host: host) }
    } else if let known = context.knownDevices {
      all = known.filter { $0 != host && !$0.name.hasPrefix("cpu") }
    } else {
      let named = overrides.map { Self.device($0.buffer, host: host).name }.compactMap { name in
        name.hasPrefix("cuda:") ? Int(name.dropFirst(5)).map { min($0, 255) + 1 } : nil
      }
      let count = max(tensorSplit.count, named.max() ?? 1, splitMode == .none ? mainGPU + 1 : 1)
      all = (0..<count).map { DeviceID("cuda:\($0)") }
    }
    if splitMode == .none, !all.isEmpty { all = [all[min(mainGPU, all.count - 1)]] }
    return all
  }

  /// A buffer of llama.cpp by the name of its device: `CUDA1` is `cuda:1`; pinned memory belongs to the host.
  static func device(_ buffer: String, host: DeviceID) -> DeviceID {
    let name = buffer.lowercased()
    if name == "cpu" || name.hasPrefix("cpu_") || name.hasSuffix("_host") { return host }
    let number = name.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
    if number.isEmpty || number.count == name.count { return DeviceID(name) }
    let kind = name.dropLast(number.count)
    return DeviceID((kind.hasSuffix(":") ? kind.dropLast() : kind) + ":" + String(number))
  }

  /// The device with most elements of a node's weights; nil where it has none.
  private func mainDevice(_ parts: [(device: DeviceID, elements: Int)]) -> DeviceID? {
    var sums: [(device: DeviceID, elements: Int)] = []
    for part in parts {
      if let known = sums.firstIndex(where: { $0.device == part.device }) {
        sums[known].elements += part.elements
      } else {
        sums.append(part)
      }
    }
    return sums.reduce(nil as (device: DeviceID, elements: Int)?) { best, next in
      best.map { next.elements > $0.elements ? next : $0 } ?? next
    }?.device
  }

  private func splitFinding(
    _ node: Node, _ parts: [(device: DeviceID, elements: Int)], _ device: DeviceID, _ modules: ModuleTree
  ) -> Finding? {
    let devices = Set(parts.map(\.device))
    guard devices.count > 1 else { return nil }
    let names = devices.sorted().map(\.name).joined(separator: " and ")
    return Finding(
      .warning,
      "\(modules.module(of: node.id).name) has weights on \(names); it is one operation here and goes to "
        + "\(device) as a whole")
  }

  private func deviceFindings(_ context: PlacementContext, _ gpus: [DeviceID]) -> [Finding] {
    var mentions = DeviceMentions()
    for override in overrides {
      mentions.note(Self.device(override.buffer, host: context.hostDevice), line: override.line)
    }
    for gpu in gpus { mentions.note(gpu, line: nil) }
    var findings = mentions.findings(known: context.knownDevices)
    if tensorSplit.count > gpus.count, splitMode != .none {
      findings.append(
        Finding(
          .warning,
          "the tensor split has \(tensorSplit.count) parts for \(gpus.count) GPUs; the rest is not used"))
    }
    if tensorSplit.allSatisfy({ $0 == 0 }), gpus.count > 1 {
      findings.append(
        Finding(
          .warning,
          "no tensor split is given: llama.cpp deals layers by free memory, here all GPUs get the same"))
    }
    if splitMode == .row, gpus.count > 1 {
      findings.append(
        Finding(
          .warning,
          "split mode row: llama.cpp keeps the cache on the main GPU, here each GPU has that of its heads"))
    }
    if !ignored.isEmpty {
      findings.append(
        Finding(
          .warning, "not about placement, and passed over: " + ignored.prefix(12).joined(separator: " ")))
    }
    return findings
  }

  private func compiledPatterns() throws(PlannerError) -> [RulePattern] {
    var patterns: [RulePattern] = []
    for override in overrides {
      do { patterns.append(try RulePattern(override.pattern)) } catch {
        throw PlannerError(
          .invalidRule, "\(override.title) \(error.message)", path: path, line: override.line)
      }
    }
    return patterns
  }

  private func overrideFindings(_ usage: RuleUsage, _ modules: ModuleTree) -> [Finding] {
    let graph = modules.graph
    let hasExperts = graph.weights.contains { $0.name.node.role == .expertUp }
    var findings = usage.findings(
      of: overrides.indices.filter { overrides[$0].layerCount == nil },
      hint: { index in
        if overrides[index].pattern == Self.expertsPattern { return "the model has no experts" }
        return KnownNames(graph.weights.indices.lazy.map { modules.tensorName(of: WeightID($0)) }).hint(
          overrides[index].pattern)
      })
    // Of the many that `--n-cpu-moe` stands for, some may well do nothing: first layers are often dense.
    var last: String?
    for override in overrides where override.layerCount != nil && override.title != last {
      last = override.title
      if !hasExperts {
        findings.append(
          Finding(.warning, "\(override.title) does nothing: the model has no experts", line: override.line))
      } else if override.layerCount! > graph.layerCount {
        findings.append(
          Finding(
            .warning, "\(override.title) names more layers than the model has, which is \(graph.layerCount)",
            line: override.line))
      }
    }
    return findings
  }
}
