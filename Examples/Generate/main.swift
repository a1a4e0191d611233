// Continues a text with a model over two devices, then says what each of them held.
//
//     swift run -c release GenerateExample Models/stories.gguf "Once upon a time"
import Skein

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("usage: GenerateExample MODEL.gguf TEXT") }

var options = LoadOptions()
options.devices = .list("cpu/2")
let model = try await Model.load(arguments[1], options: options)

for try await piece in model.generate(arguments[2]) { print(piece, terminator: "") }
print()
for part in model.plan.placementSummary { print("\(part.device): \(part.contents), \(part.bytes) bytes") }
