"""Which of pandas' type systems a transform gets to see, and what breaks where.

`numpy_nullable`, the default: integers of every size are Int64, flags boolean, floats Float64, text string, all with NA for
NULL; dates and datetimes are datetime64[us] (years 0001 to 9999, NaT for NULL); decimals are Decimal objects with NaN for
NULL; times of day and binary values are Python objects with None for NULL.
`pyarrow`: every column keeps its Arrow type.
`numpy`: what pandas does by default. Integers with NULLs become float64, flags with NULLs, dates and decimals objects.
A chunk in which that would change an integer above 2**53 is refused.

Of the 78 ordinary transforms in `tests/unit/transform_corpus.py` (pandas 3.1, pyarrow 26) these do not give what their
authors mean, and `tests/unit/test_frame_dtypes.py` fails when one of them changes. **wrong** is silent: other values, no error.

| transform                                | numpy_nullable          | pyarrow             | numpy               |
|------------------------------------------|-------------------------|---------------------|---------------------|
| `% 100`                                  | ok                      | NotImplementedError | ok                  |
| bigint with NULLs, above 2**53           | ok                      | ok                  | refused by name     |
| bigint times 2, past 64 bits             | **wrong** (wraps)       | ArrowInvalid        | refused by name     |
| the same in rows that are masked later   | ok                      | ArrowInvalid        | refused by name     |
| tinyint or int times 2, past its size    | ok (Int64)              | ok                  | **wrong** (wraps)   |
| nullable integer to text                 | ok                      | ok                  | **wrong** ("7.0")   |
| `np.where`, `np.select` over NA          | TypeError               | TypeError           | ok                  |
| `~flag` with NULLs                       | ok                      | ok                  | TypeError           |
| `flag & (qty > 0)` with NULLs            | ok                      | ok                  | **wrong** (False)   |
| `frame[frame["flag"]]` with NULLs        | ok                      | ok                  | ValueError          |
| decimal(38,s) plus or times a decimal    | ok, exact               | ArrowInvalid        | ok, exact           |
| decimal times nullable integer           | ok, exact               | ok, exact           | TypeError           |
| decimal times float                      | TypeError               | ok                  | TypeError           |
| `.round()`, `.abs()` of decimals, NULLs  | ok                      | ok                  | TypeError           |
| date: `.dt`                              | ok                      | ok                  | AttributeError      |
| date: month ends, `>=` a Timestamp       | ok                      | ok, TypeError       | TypeError           |
| date == "2013-03-10"                     | ok                      | **wrong** (False)   | **wrong** (False)   |
| date == datetime.date(2013, 3, 10)       | **wrong** (False)       | ok                  | ok                  |
| datetime >= "2013-01-01"                 | ok                      | TypeError           | ok                  |
| merge on a date with a datetime column   | ok                      | ValueError          | ValueError          |

An empty chunk fares as in the table where the dtype alone decides, else it passes. Why numpy_nullable: it fails least often
(5 of 78, against 11 and 19), stays exact where NumPy turns to floats, and its two silent traps are plain NumPy's and pandas'
own, which authors know: 64-bit arithmetic wraps, and a datetime column never equals a datetime.date. Both have a way out:
`.astype(object)` before arithmetic that leaves 64 bits, and pd.Timestamp or text to compare dates with. Where a mask may be
NA, say what NA means: `np.where(mask.fillna(False), …)`.

Why decimals are objects there: `decimal128(38, s)[pyarrow]` cannot add, subtract or multiply at all, since Arrow's result
type would need more than 38 digits. Python's Decimal can, and exactly, inside `etl.frames.exact_decimals` (Python's default
context rounds every result to 28 digits, silently). Why NaN stands for NULL among them: with None negation, `.abs()` and
`.map` fail, with NA comparisons inside functions and `.astype("float64")`. Why dates are datetime64[us]: it is the only form
with `.dt`, date arithmetic, merges and comparisons with Timestamps and text; the declared schema makes them dates again.
"""

from typing import Literal

FrameDtypes = Literal["numpy_nullable", "pyarrow", "numpy"]

DEFAULT_FRAME_DTYPES: FrameDtypes = "numpy_nullable"
