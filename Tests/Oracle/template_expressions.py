"""Small expressions of Jinja for make_template_fixtures.py; each is rendered on its own as {{ expression }}."""

VARIABLES = {
    "n": 7, "m": -3, "f": 2.5, "z": 0, "big": 9007199254740993, "t": True, "no": False, "nil": None,
    "s": "Hello, World", "e": "", "u": "h\u00e9llo \u4e16\u754c \U0001f600", "pad": "  x y  ",
    "lines": "one\ntwo\r\n\nthree\n", "l": [3, 1, 2], "names": ["b", "A", "c", "B"], "mixed": [1, "a", None, True, 2.5],
    "d": {"b": 1, "a": 2, "C": 3}, "nested": {"x": {"y": [10, 20, {"z": "deep"}]}, "items": "own"},
    "users": [{"name": "Ann", "age": 30, "city": "Oslo"}, {"name": "bob", "age": 25, "city": "Rome"},
              {"name": "Cy", "age": 30, "city": "oslo", "admin": True}],
    "empty": [], "nothing": {}, "html": "<b>\"x\" & 'y'</b>",
}

EXPRESSIONS = r"""
1 + 2
1 - 2 * 3
7 / 2
8 / 2
7 // 2
-7 // 2
7 // -2
7 % 3
-7 % 3
7 % -3
-7 % -3
7.5 // 2
-7.5 // 2
7.5 % 2
-7.5 % 2
7.5 % -2
-0.0 // 1
0.0 % -3
2 ** 10
2 ** 3 ** 2
2 ** -1
2 ** 0.5
-2 ** 2
(-2) ** 3
-1 ** 2
+n
-n
- -n
--n
-m|abs
-3|abs
1 ~ 2
1 ~ none ~ true ~ 1.0 ~ 'x' ~ missing
'a' ~ 1 + 2
1 + 2 ~ 3
'a' + 'b'
'a' * 3
3 * 'ab'
[1] * 3
(1,) * 2
'x' * -1
[1] + [2]
(1,) + (2,)
1 + true
true + true
1 + 'a'
'a' + 1
none + 1
1 / 0
1 // 0
1 % 0
1.0 / 0
9223372036854775807
1e3
1.5e-7
1_000
1_0.5_0
0x1F
0b101
0o17
0xff + 1
1e16
1e15
123456789012345680.0
1e22
1.0
100.0
0.1 + 0.2
1/3
1e-4
1e-5
0.00012345
5e-324
1.7976931348623157e308
1e400
-1e400
1e400 - 1e400
big
big + 1
3 == 3.0
1 == true
0 == false
none == false
'1' == 1
[1, 2] == [1, 2.0]
(1, 2) == [1, 2]
{'a': 1} == {'a': true}
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
1 < 2 < 3
1 < 3 < 2
3 > 2 > 1 > 0
1 < 2 == 2
1 == 1 != 2
1 < 2.5
'a' < 'b'
'Z' < 'a'
'a' < 'aa'
'a' < 1
none < 1
[1, 2] < [1, 3]
[1] < [1, 0]
[1, 'a'] < [1, 2]
true < 2
1 in [1, 2]
1 in (1.0,)
'a' in 'abc'
'' in ''
1 in 'abc'
'x' not in 'abc'
'b' in d
1 in d
not 'b' in d
1 not in [1]
3 in range(5)
2.0 in range(5)
'a' in missing
missing in [1]
[] in [[]]
not true
not 0
not not ''
true and false
1 and 2
0 and missing.x
0 or 'x'
'' or none or []
1 or missing.x
true and not false or false
1 if true else 2
1 if false else 2
1 if false
(1 if false) is defined
'a' if 0 else 'b' if 0 else 'c'
1 if true if false else 3
missing
missing.x
missing['x']
missing ~ 'x'
missing + 1
missing == missing
missing == none
missing != missing2
not missing
missing|default('d')
missing.x|default('d')
nested.nope.nope
nested.nope
nested.nope|default(1)
nested.nope is defined
nested['nope'] is undefined
nested.x.y[2].z
nested.x.y.2.z
nested['x']['y'][-1]['z']
nested.x.y[5]
nested.x.y[5].z
nested.items
nested['items']
nested.items()
d.items()
d.keys()
d.values()
d.items()|list
d.get('a')
d.get('q')
d.get('q', 5)
d.get('q', default=5)
d.copy()
d.pop('a')
d.update({'x': 1})
d.setdefault('x', 1)
d.clear()
l.append(4)
l.pop()
l.sort()
l.append
l.index(1)
l.index(9)
l.count(3)
l.copy()
(1, 2, 1).count(1)
(1, 2).index(2)
names.index('c', 1)
s.__class__
s.__class__.__mro__
''.__len__()
d.__class__
nil.x
nil['x']
n.x
n.real
n.bit_length()
f.is_integer()
2.0.is_integer()
5.real
s[0]
s[-1]
s[100]
s[0:5]
s[:5]
s[7:]
s[::2]
s[::-1]
s[-5:-1]
s[5:2]
s[100:]
s[:-100]
s[5:2:-1]
s[::0]
u[1]
u[6:]
u[::-1]
u|length
l[0]
l[-1]
l[1:]
l[::-1]
l[:2]
l[true]
l[1.0]
l['x']
l[0, 1]
(1, 2, 3)[1:]
d[0:1]
n[0]
range(10)[2:8:2]|list
range(3)[::2]
range(9)[7:2:-2]
range(9, 0, -2)[1:3]|list
range(5)[1]
range(5)[-1]
range(5)[9]
range(0)
range(3)
range(1, 4)|list
range(5, 0, -2)|list
range(0, 10, 3)
range(3)|length
range(1000000)
range(1, 2, 0)
range('a')
[1, 2, 3,]
[]
()
(1,)
(1, 2)
1, 2
{}
{'a': 1,}
{'a': [1, {'b': none}], 2: true, none: 0.5}
{1: 'a', 1.0: 'b', true: 'c'}
{[1]: 2}
{(1, 2): 3}
[1, 'it\'s', "q\"q", 'both\'"', "\n\t\\", 'é', '\x00', '\u200b', '😀']
'a' 'b' "c"
'\x41\u00e9\U0001F600\101\0'
'\q\d'
'\é'
"tab\there"
'line\
joined'
true
True
false
False
none
None
[true, false, none, 1.5]
mixed
d
users[0]
nested
n is odd
n is even
4 is even
n is divisibleby 7
n is divisibleby(2)
n is not divisibleby 2
n is number
f is number
t is number
s is number
n is integer
t is integer
f is integer
f is float
n is float
s is string
n is string
missing is defined
n is defined
n is undefined
missing is undefined
nil is none
n is none
n is not none
t is boolean
n is boolean
t is true
no is false
1 is true
0 is false
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
n is sequence
missing is sequence
range(3) is sequence
l is iterable
s is iterable
n is iterable
missing is iterable
(l|map('string')) is iterable
(l|map('string')) is sequence
n is callable
range is callable
s.upper is callable
'abc' is lower
'ABC' is upper
'aBc' is lower
'1' is lower
1 is in [1, 2]
'a' is in 'abc'
3 is in(l)
1 is eq 1
1 is equalto(1)
1 is ne 2
2 is gt 1
2 is greaterthan 1
1 is lt 2
1 is lessthan 2
1 is ge 1
1 is le 0
1 is sameas 1
none is sameas none
true is sameas true
1 is sameas true
'upper' is filter
'nope' is filter
'odd' is test
'nope' is test
'x' is escaped
n is defined and n is odd
not n is defined
n is not defined or true
n is odd if true else 0
n is nope
n is defined is defined
[1,2] is sequence and [1,2] is not mapping
n|nope
s|upper
s|lower
u|upper
'ß'|upper
'ΑΣ ΑΣΑ'|lower
'İ'|lower
'ŉ'|upper
'ǆ'|title
s|title
"it's a-b (c) [d] {e} <f> o'clock"|title
s|capitalize
'ÀB'|capitalize
12|upper
none|upper
missing|upper
pad|trim
'xxaxx'|trim('x')
'abcba'|trim('ab')
'x'|trim(none)
5|trim
s|length
l|length
d|length
n|length
missing|length
l|count
(l|map('string'))|length
l|first
l|last
empty|first
empty|last
s|first
s|last
d|first
d|last
missing|first
missing|last
n|first
(l|map('string'))|last
(l|map('string'))|first
l|join
l|join(', ')
l|join(d='-')
names|join(1)
mixed|join('|')
users|join(', ', attribute='name')
users|join(attribute='age')
d|join(',')
s|join('.')
missing|join(',')
n|join
l|list
s|list
d|list
missing|list
n|list
range(3)|list
l|sort
l|sort(reverse=true)
l|sort(true)
names|sort
names|sort(case_sensitive=true)
names|sort(reverse=true)
users|sort(attribute='age')|map(attribute='name')|list
users|sort(attribute='age,name', reverse=true)|map(attribute='name')|list
users|sort(attribute='city')|map(attribute='name')|list
mixed|sort
d|sort
l|reverse|list
s|reverse
d|reverse|list
missing|reverse|list
n|reverse
l|sum
users|sum(attribute='age')
l|sum(start=10)
names|sum
[[1],[2]]|sum(start=[])
[0.1, 0.2]|sum
[1, 2, none]|sum
l|max
l|min
names|max
names|min
names|min(case_sensitive=true)
users|max(attribute='age')
empty|max
['a', 1]|max
names|unique|list
names|unique(case_sensitive=true)|list
[1, 1.0, true, 2]|unique|list
users|unique(attribute='age')|map(attribute='name')|list
[[1]]|unique|list
l|map('string')|list
l|map('nope')|list
names|map('upper')|join
users|map(attribute='name')|list
users|map(attribute='admin')|list
users|map(attribute='admin', default=false)|list
users|map(attribute='name.0')|list
users|map(attribute='nope.x')|list
[[1,2],[3]]|map('join', '-')|list
l|map
[1.25]|map('round', 1)|list
missing|map('upper')|list
l|select('odd')|list
l|select('gt', 1)|list
mixed|select|list
mixed|select('string')|list
l|reject('odd')|list
mixed|reject|list
users|selectattr('admin')|map(attribute='name')|list
users|selectattr('admin', 'defined')|list|length
users|selectattr('age', 'equalto', 30)|map(attribute='name')|list
users|selectattr('age', 'in', [25])|map(attribute='name')|list
users|rejectattr('admin')|map(attribute='name')|list
users|rejectattr('age', '==', 30)|map(attribute='name')|first
users|selectattr
missing|select|list
users|groupby('age')
users|groupby('city')|map(attribute='grouper')|list
users|groupby('city', case_sensitive=true)|map('first')|list
users|groupby('admin', default=false)|map(attribute='list')|map('length')|list
(users|groupby('age'))[0].grouper
(users|groupby('age'))[1].list|length
d|dictsort
d|dictsort(true)
d|dictsort(false, 'value')
d|dictsort(reverse=true)
d|dictsort(by='nope')
l|dictsort
d|items|list
missing|items|list
l|items|list
l|batch(2)|list
l|batch(2, 'x')|list
l|slice(2)|list
l|slice(2, 'x')|list
l|slice(0)|list
range(10)|slice(3)|list
range(10)|batch(4, 0)|list
s|replace('l', 'L')
s|replace('l', 'L', 1)
s|replace('', '-')
s|replace('', '-', 3)
e|replace('', 'x')
123|replace(2, 'x')
s|replace('o')
s|truncate(5)
s|truncate(8, true)
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9, True)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11, False, '...', 0)
'foo bar baz qux'|truncate(9, end='!', leeway=0)
s|truncate(2)
lines|indent
lines|indent(2)
lines|indent(2, true)
lines|indent(2, first=true, blank=true)
lines|indent('> ')
lines|indent(width=3)
''|indent
5|indent
'a b  c'|wordcount
'it\'s 3.5 o_k'|wordcount
'The quick brown fox jumps over the lazy dog'|wordwrap(10)
'The quick brown fox jumps over the lazy dog'|wordwrap(12, wrapstring='|')
'abcdefghijklmnop qrs'|wordwrap(5)
'abcdefghijklmnop qrs'|wordwrap(5, false)
'well-known self-made words-with-hyphens'|wordwrap(10)
'a\n\nb c'|wordwrap(3)
'ab'|center(6)
'abc'|center(6)
'abc'|center(7)
'ab'|center(7)
'x'|center(1)
html|e
html|escape
html|forceescape
html|striptags
'a <!-- x --> b<br>c  d &amp; e'|striptags
html|safe
'a b/c?d=é&x'|urlencode
{'a b': 1, 'c': 'é/'}|urlencode
[('x', 'y z')]|urlencode
5|urlencode
{'class': 'my list', 'id': none, 'x': '<'}|xmlattr
{'a': 1}|xmlattr(false)
{'a b': 1}|xmlattr
1000|filesizeformat
1|filesizeformat
123456789|filesizeformat
123456789|filesizeformat(true)
42.55|round
42.55|round(1)
42.55|round(1, 'floor')
42.51|round(1, 'ceil')
2.5|round
3.5|round
-2.5|round
2.675|round(2)
1234|round(-2)
1250|round(-2)
1234.5|round(-2)
5|round
5|round(2)
5|round(0, 'ceil')
'x'|round
true|round
1.5|round|int
'42'|int
' 42 '|int
'42.9'|int
'x'|int
'x'|int(5)
'x'|int(default=-1)
'1f'|int(0, 16)
'0x1f'|int(0, 16)
'0b11'|int(0, 2)
'1_000'|int
'-5'|int
'+5'|int
none|int
none|int(3)
true|int
2.9|int
-2.9|int
missing|int
[]|int
'1e3'|int
'inf'|int
'3.5'|float
'x'|float
'x'|float(1.5)
5|float
none|float
'1e3'|float
'-inf'|float
'nan'|float
' 2 '|float
'1_0.5'|float
missing|float
-5|abs
5.5|abs
true|abs
'x'|abs
missing|abs
missing|default
missing|d(1)
e|default('x')
e|default('x', true)
e|default('x', boolean=true)
none|default('x')
none|default('x', true)
0|d(5, true)
1|default(missing)
s|string
5|string
none|string
l|string
missing|string
'%s-%s'|format('a', 1)
'%d %5d|%-5d|%05d|%+d'|format(1, 2, 3, 4, 5)
'%.2f %8.3f %e %g'|format(1.005, 2.5, 12345.678, 0.0001)
'%x %X %o %#x'|format(255, 255, 8, 255)
'%(a)s'|format(a=1)
'%s'|format
'%s' % 'x'
'%s %s' % ('a', 'b')
'%s' % [1]
'%r' % 'x'
'%5s|%-5s|%.2s' % ('a', 'b', 'cde')
'%d' % 3.7
'%d' % 'x'
'%%' % ()
'%c%c' % ('a', 98)
'%s %s' % 'a'
'x' % 1
'%*d' % (5, 3)
'% d' % 5
'%s' % none
'%s' % (none,)
'%i' % true
'%g' % 1e20
'%g' % 100000
'%G' % 1e-10
'%.0f' % 2.5
'%.3g' % 1234.5
'%5.1f%%' % 12.34
'{} {}'.format(1, 'a')
'{1} {0}'.format(1, 'a')
'{a} {b}'.format(a=1, b=2)
'{:>5}|{:<5}|{:^5}|{:*^5}'.format('a', 'b', 'c', 'd')
'{:5d}|{:<5d}|{:05d}|{:+d}|{:,}'.format(1, 2, 3, 4, 1234567)
'{:.2f} {:e} {:g} {:%} {:.1%}'.format(1.005, 12.5, 0.5, 0.25, 0.333)
'{:x} {:#x} {:b} {:o} {:X}'.format(255, 255, 5, 8, 255)
'{!r} {!s}'.format('a', 'b')
'{0[a]} {0[b]}'.format({'a': 1, 'b': 2})
'{{}} {}'.format(1)
'{}'.format()
'{:d}'.format('x')
'{:5}|{:5}'.format('a', 1)
'{:{}}'.format('a', 4)
'{:.3}'.format('abcdef')
'{:.3}'.format(1234.5678)
'{}'.format(1.0)
'{}'.format(none)
'{:10}'.format(true)
'{0.real}'.format(5)
'{'.format()
'}'.format()
'{:_}'.format(1234567)
'{:,.2f}'.format(1234567.891)
'{:e}'.format(5)
'{a}'.format_map({'a': 3})
s|tojson
u|tojson
u|tojson(ensure_ascii=true)
d|tojson
d|tojson(indent=2)
d|tojson(sort_keys=true)
nested|tojson(indent=4)
users|tojson(separators=(',', ':'))
users|tojson(indent='\t')
mixed|tojson
[]|tojson(indent=2)
{}|tojson(indent=2)
[[], {}, [1]]|tojson(indent=1)
(1, 2)|tojson
{1: 2, none: 3, true: 4, 1.5: 5}|tojson
1.0|tojson
1e20|tojson
1e400|tojson
none|tojson
true|tojson
'<>&\'"\\/\n\r\t\b\f\x01\x7f'|tojson
missing|tojson
range(3)|tojson
(l|map('string'))|tojson
d|tojson(0)
d|tojson(nope=1)
{(1,2): 3}|tojson
s.upper()
s.lower()
s.title()
"they're bill's".title()
s.capitalize()
s.swapcase()
'ß'.casefold()
pad.strip()
pad.lstrip()
pad.rstrip()
'xyxax'.strip('xy')
'xyxax'.lstrip('x')
'xyxax'.rstrip('x')
'a'.strip(none)
s.split(', ')
s.split()
' a  b '.split()
' a  b '.split(' ')
'a,b,c'.split(',', 1)
'a,b,c'.split(',', maxsplit=1)
'a b c'.split(none, 1)
' a b  c '.split(maxsplit=1)
'a,b,c'.rsplit(',', 1)
'a b c '.rsplit(none, 1)
''.split()
''.split(',')
'a'.split('')
'</think>x'.split('</think>')[-1]
lines.splitlines()
lines.splitlines(true)
'a\x0bb\x1cc\u2028d'.splitlines()
s.startswith('Hello')
s.startswith(('x', 'H'))
s.startswith('World', 7)
s.endswith('ld')
s.endswith(('x', 'd'))
s.startswith('')
s.startswith(1)
s.find('o')
s.find('o', 5)
s.find('o', 5, 7)
s.find('q')
s.rfind('o')
s.index('o')
s.index('q')
s.rindex('l')
''.find('')
'abc'.find('', 5)
s.count('l')
s.count('')
'aaa'.count('aa')
s.replace('l', 'L')
s.replace('l', 'L', 1)
s.replace('', '.')
'aaa'.replace('aa', 'b')
', '.join(['a', 'b'])
','.join('abc')
','.join([1, 2])
','.join(d)
','.join(names|map('upper'))
'abc'.isalpha()
'ab1'.isalpha()
'é'.isalpha()
'12'.isdigit()
'²'.isdigit()
'²'.isdecimal()
'½'.isnumeric()
'1.5'.isdigit()
'a1'.isalnum()
' \t'.isspace()
''.isspace()
'ABC'.isupper()
'abc'.islower()
'A b'.istitle()
'A B'.istitle()
'abc'.isascii()
'é'.isascii()
'a_1'.isidentifier()
'1a'.isidentifier()
'a\n'.isprintable()
'5'.zfill(3)
'-5'.zfill(4)
'+5'.zfill(4)
'a'.ljust(3, '*')
'a'.rjust(3)
'abc'.center(6, '*')
'abc'.center(8, '*')
'ab'.center(5, '*')
'a\tb'.expandtabs()
'a\tb'.expandtabs(4)
'prefix-x'.removeprefix('prefix-')
'x.txt'.removesuffix('.txt')
'x'.removeprefix('y')
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.partition('=')
'abc'.rpartition('=')
'abc'.nope()
'abc'.encode('utf-8')
s.upper
dict(a=1, b=2)
dict({'a': 1}, b=2)
dict([('a', 1)])
dict()
namespace(a=1).a
namespace({'x': 2}).x
namespace(a=1)['a']
namespace(a=1)
namespace(a=1).b
namespace(_a=1)
namespace(a=1).b is defined
cycler('a', 'b').next()
cycler('a', 'b').current
cycler()
joiner()()
raise_exception('stop: ' ~ n)
raise_exception()
strftime_now('%d %b %Y')
strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %p %I %y %a %-d %e %U %W %V %G %u %w %%')
strftime_now('%c|%x|%X|%D|%F|%T|%R|%C|%h|%Z|%z|%f|%q')
nope()
n()
s()
'abc'.upper(1)
range(stop=3)
[1, 2, 3]|attr('count')
nested|attr('x')
s|attr('upper') is callable
d.a.b
[d][0].a
(d).a
(l)[0]
-n ** 2
n - -m
n*-1
not n == 7
n in l or n
1 if n else 2 ~ 'x'
(1, 2) in [(1, 2)]
[x for x in l]
lambda x: x
n == 7 and s == 'Hello, World' and l|length == 3
l|length > 2
l|length + 1
'a' ~ l|length ~ 'b'
-l|length
s|upper|lower|title
s.split(', ')|map('lower')|join('-')
(s ~ '!')|upper
(n, m)|sum
{'a': n}.a
{'a': {'b': 1}}['a'].b
'abc'[1]|upper
'%s' % (l|join)
users[0].name[0]
users|map(attribute='name')|map('lower')|select('in', ['ann', 'bob'])|list
(users|selectattr('name', 'eq', 'bob')|list)[0].age
(users|selectattr('name', 'eq', 'bob')|first).age
users|length - 1
users[users|length - 1].name
[l, names]|map('first')|list
self
loop
caller
super
varargs
""".strip("\n")


def expressions():
    """The expressions, joined again where one has a line break in a string."""
    result = []
    for line in EXPRESSIONS.split("\n"):
        if result and result[-1].endswith("\\") and result[-1].count("'") % 2:
            result[-1] += "\n" + line
        else:
            result.append(line)
    return result
