// See the headers in include/.
