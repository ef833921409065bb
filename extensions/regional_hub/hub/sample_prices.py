"""Scanner data of one product group whose true inflation, substitution and product turnover are known.

Buyers have CES tastes, so the exact index of their cost of living follows from prices and tastes alone (Sato 1976;
Feenstra 1994 where products come and go). After an offer they buy less for a month: what makes chained indices drift.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regional_hub.hub.sample_common import random, write_table

MONTHS, PRODUCTS, OUTLETS = 37, 400, 6
ELASTICITY = 2.5  # of substitution: by how many per cent relative quantities fall when a relative price rises by one
SPREAD, MEMORY = 0.11, 0.93  # of a product's log price around the common level: its spread, and what stays each month
CHURN = 0.015  # share of products replaced each month
OFFER, DEPTH, PANTRY = 0.06, 0.25, 0.25  # how often on offer, log discount, log fall of the quantity in the month after


def make(folder: Path, seed: int, _rows: int) -> None:
    """`sales.parquet` (month, outlet, product, quantity, turnover), `truth.parquet` (month and the exact indices)."""
    import numpy

    price, taste, offer = _products(seed)
    share = taste * price ** (1 - ELASTICITY)
    share = numpy.nan_to_num(share / numpy.nansum(share, axis=0))
    start = numpy.datetime64("2022-12", "M")
    months = start + numpy.arange(MONTHS)
    _write_sales(folder / "sales.parquet", seed, months, price, share, offer)
    truth = {
        "month": months.astype("datetime64[s]"),
        "cost_of_living": 100 * _exact(price, taste),
        "laspeyres": 100 * _laspeyres(price, share),
    }
    write_table(folder / "truth.parquet", truth)


def _general(months: int) -> Any:
    """The common log price level by month: calm, a year of high inflation, calm again."""
    import numpy

    monthly = numpy.where((numpy.arange(months) > 9) & (numpy.arange(months) <= 21), 0.009, 0.002)
    monthly[0] = 0
    return monthly.cumsum()


def _products(seed: int) -> tuple[Any, Any, Any]:
    """Prices (NaN while a product is not sold), tastes, and whether it is on offer; products x months."""
    import numpy

    draw = random(seed, 10)
    rows: list[tuple[int, int]] = []  # first month and the month after the last
    for _ in range(PRODUCTS):
        begin = 0
        while begin < MONTHS:
            end = min(MONTHS, begin + int(draw.geometric(CHURN)))
            rows.append((begin, end))
            begin = end
    count = len(rows)
    month = numpy.arange(MONTHS)
    first, last = (numpy.array(part)[:, None] for part in zip(*rows, strict=True))
    sold = (month >= first) & (month < last)
    base = draw.normal(numpy.log(120), 0.5, (count, 1))
    own = numpy.empty((count, MONTHS))
    own[:, 0] = draw.normal(0, SPREAD, count)
    for at in range(1, MONTHS):
        own[:, at] = MEMORY * own[:, at - 1] + draw.normal(0, SPREAD * (1 - MEMORY**2) ** 0.5, count)
    offer = draw.random((count, MONTHS)) < OFFER
    price = numpy.round(numpy.exp(base + own + _general(MONTHS) - DEPTH * offer), 1)
    taste = draw.lognormal(0, 0.5, (count, 1)) * numpy.exp(base * (ELASTICITY - 1))
    return numpy.where(sold, price, numpy.nan), taste, offer & sold


def _exact(price: Any, taste: Any) -> Any:
    """The CES index over the products sold in both of each two months that follow one another, chained; starts at 1."""
    import numpy

    value = taste * price ** (1 - ELASTICITY)
    both = ~numpy.isnan(price[:, 1:]) & ~numpy.isnan(price[:, :-1])
    now, before = ((numpy.where(both, part, 0)).sum(0) for part in (value[:, 1:], value[:, :-1]))
    return numpy.concatenate([[1.0], ((now / before) ** (1 / (1 - ELASTICITY))).cumprod()])


def _laspeyres(price: Any, share: Any) -> Any:
    """What a basket of the first month shows: the mean of price relatives with its shares, over products still sold."""
    import numpy

    relative = price / price[:, :1]
    weight = numpy.where(numpy.isnan(relative), 0, share[:, :1])
    return numpy.nansum(relative * weight, axis=0) / weight.sum(0)


def _write_sales(path: Path, seed: int, months: Any, price: Any, share: Any, offer: Any) -> None:
    import numpy

    draw = random(seed, 11)
    after = numpy.zeros_like(offer)
    after[:, 1:] = offer[:, :-1]
    spent = 2e7 * 1.004 ** numpy.arange(MONTHS)  # per outlet of mean size, all products
    size = draw.lognormal(0, 0.4, OUTLETS)[:, None, None]
    wanted = share * spent / numpy.nan_to_num(price, nan=1.0) * numpy.exp(-PANTRY * after)
    quantity = numpy.round(wanted * size * draw.lognormal(0, 0.05, (OUTLETS, *price.shape))).astype("int64")
    outlet, product, month = numpy.nonzero(quantity)
    order = numpy.lexsort((product, outlet, month))
    outlet, product, month = outlet[order], product[order], month[order]
    bought = quantity[outlet, product, month]
    columns = {
        "month": months[month].astype("datetime64[s]"),
        "outlet": [f"S{number + 1}" for number in outlet],
        "product": [f"P{number + 1:04}" for number in product],
        "quantity": bought,
        "turnover": numpy.round(bought * price[product, month], 2),
    }
    write_table(path, columns)
