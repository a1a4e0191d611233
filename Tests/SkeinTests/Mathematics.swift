import Foundation

// Swift Testing's macros and the C library's names do not mix well in one expression.
func exponential(_ x: Double) -> Double { exp(x) }
func logarithm(_ x: Double) -> Double { log(x) }
