#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A day and time of day, as a clock on the wall shows them: what `strftime_now` writes.
public struct TemplateDate: Hashable, Sendable {
  /// Year of the Gregorian calendar.
  public var year: Int
  /// Month, from 1.
  public var month: Int
  /// Day of the month, from 1.
  public var day: Int
  /// Hour, from 0 to 23.
  public var hour: Int
  /// Minute.
  public var minute: Int
  /// Second.
  public var second: Int

  /// A day and time. What is out of range is taken as the nearest that there is.
  public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    self.year = min(max(year, 1), 9999)
    self.month = min(max(month, 1), 12)
    self.day = min(max(day, 1), 31)
    self.hour = min(max(hour, 0), 23)
    self.minute = min(max(minute, 0), 59)
    self.second = min(max(second, 0), 60)
  }

  /// The local time now.
  public static var now: TemplateDate {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return TemplateDate(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
      hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
  }

  /// Days since the first of March of the year 0.
  private func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let monthFromMarch = (month + 9) % 12
    return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day
      - 1
  }

  /// From Sunday, 0.
  var weekday: Int { (dayNumber(year, month, day) + 3) % 7 }
  /// From 1.
  var dayOfYear: Int { dayNumber(year, month, day) - dayNumber(year, 1, 1) + 1 }

  /// Year and week of ISO 8601: weeks begin on Monday, and the first has the year's first Thursday.
  var isoWeek: (year: Int, week: Int) {
    let monday = (weekday + 6) % 7
    let week = (dayOfYear - monday + 9) / 7
    func weeks(_ year: Int) -> Int {
      func lastDay(_ year: Int) -> Int { (year + year / 4 - year / 100 + year / 400) % 7 }
      return lastDay(year) == 4 || lastDay(year - 1) == 3 ? 53 : 52
    }
    if week < 1 { return (year - 1, weeks(year - 1)) }
    return week > weeks(year) ? (year + 1, 1) : (year, week)
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
  ]
  private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

  /// As `strftime` in the C locale. `%-d`, `%_d` and `%0d` choose how numbers are filled; a code that does not exist
  /// stays as it is.
  func formatted(_ format: Text) -> Text {
    var result = Text()
    var index = 0
    while index < format.count {
      guard format[index] == "%", index + 1 < format.count else {
        result.append(format[index])
        index += 1
        continue
      }
      var end = index + 1
      var flag: Unicode.Scalar?
      if "-_0^#".unicodeScalars.contains(format[end]), end + 1 < format.count {
        flag = format[end]
        end += 1
      }
      if let text = code(format[end], flag) {
        result += flag == "^" ? text.text.uppercased : text.text
      } else {
        result += format[index...end]
      }
      index = end + 1
    }
    return result
  }

  private func code(_ code: Unicode.Scalar, _ flag: Unicode.Scalar?) -> String? {
    func number(_ value: Int, _ width: Int, fill: String = "0") -> String {
      let fill = flag == "-" ? "" : flag == "_" ? " " : flag == "0" ? "0" : fill
      let digits = String(value)
      return (fill.isEmpty ? "" : String(repeating: fill, count: max(width - digits.count, 0))) + digits
    }
    func all(_ format: String) -> String { String(formatted(format.text)) }
    switch code {
    case "a": return String(Self.days[weekday].prefix(3))
    case "A": return Self.days[weekday]
    case "b", "h": return String(Self.months[month - 1].prefix(3))
    case "B": return Self.months[month - 1]
    case "c": return all("%a %b %e %H:%M:%S %Y")
    case "C": return number(year / 100, 2)
    case "d": return number(day, 2)
    case "D", "x": return all("%m/%d/%y")
    case "e": return number(day, 2, fill: " ")
    case "f": return "000000"
    case "F": return all("%Y-%m-%d")
    case "g": return number(isoWeek.year % 100, 2)
    case "G": return number(isoWeek.year, 1)
    case "H": return number(hour, 2)
    case "I": return number((hour + 11) % 12 + 1, 2)
    case "j": return number(dayOfYear, 3)
    case "k": return number(hour, 2, fill: " ")
    case "l": return number((hour + 11) % 12 + 1, 2, fill: " ")
    case "m": return number(month, 2)
    case "M": return number(minute, 2)
    case "n": return "\n"
    case "p": return hour < 12 ? "AM" : "PM"
    case "P": return hour < 12 ? "am" : "pm"
    case "r": return all("%I:%M:%S %p")
    case "R": return all("%H:%M")
    case "S": return number(second, 2)
    case "t": return "\t"
    case "T", "X": return all("%H:%M:%S")
    case "u": return number((weekday + 6) % 7 + 1, 1)
    case "U": return number((dayOfYear + 6 - weekday) / 7, 2)
    case "V": return number(isoWeek.week, 2)
    case "w": return number(weekday, 1)
    case "W": return number((dayOfYear + 6 - (weekday + 6) % 7) / 7, 2)
    case "y": return number(year % 100, 2)
    case "Y": return number(year, 1)
    // A clock on the wall has no time zone.
    case "z", "Z": return ""
    case "%": return "%"
    default: return nil
    }
  }
}
