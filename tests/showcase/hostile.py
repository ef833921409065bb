"""What an attacker writes into a notebook, so that a reader's browser runs it or tells somebody of it."""

from __future__ import annotations

ELSEWHERE = "http://evil.invalid"

HTML = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    f"<img src='{ELSEWHERE}/p.png'>",
    f"<iframe src='{ELSEWHERE}/'></iframe>",
    "<iframe srcdoc='<script>parent.hacked = 1</script>'></iframe>",
    "<object data='data:text/html,<script>window.hacked = 1</script>'></object>",
    f"<embed src='{ELSEWHERE}/'>",
    "<svg><foreignObject><body onload='window.hacked = 1'></body></foreignObject></svg>",
    "<svg onload='window.hacked = 1'></svg>",
    f"<style>@import '{ELSEWHERE}/a.css'; body {{ display: none }}</style>",
    f"<p style='background: url({ELSEWHERE}/b)'>styled</p>",
    f"<link rel=stylesheet href='{ELSEWHERE}/c.css'>",
    "<a href='javascript:window.hacked = 1'>link</a>",
    "<a href='java\tscript:window.hacked = 1'>link</a>",
    "<a href='&#106;avascript:window.hacked = 1'>link</a>",
    "<a href='data:text/html,<script>window.hacked = 1</script>'>link</a>",
    f"<meta http-equiv=refresh content='0;url={ELSEWHERE}/'>",
    f"<base href='{ELSEWHERE}/'>",
    f"<form action='{ELSEWHERE}/'><input name=password autofocus onfocus='window.hacked = 1'></form>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=window.hacked=1&gt;'>",
    "<svg></p><style><a title='</style><img src=1 onerror=window.hacked=1>'>",
    "<noscript><p title='</noscript><img src=x onerror=window.hacked=1>'></noscript>",
    "<div id=comment-form name=cookie class='position-fixed w-100 h-100'>over all</div>",
    "<a id=csrftoken name=defaultView href='#'>clobber</a>",
    "<details open ontoggle='window.hacked = 1'>x</details>",
    f"<video autoplay src='{ELSEWHERE}/v' onerror='window.hacked = 1'></video>",
]
MARKDOWN = [
    *HTML,
    "[link](javascript:window.hacked=1)",
    "[link](data:text/html;base64,PHNjcmlwdD4=)",
    f"![picture]({ELSEWHERE}/p.png)",
    '![x" onerror="window.hacked=1](attachment:none)',
    "```python\n</code></pre><script>window.hacked = 1</script>\n```",
    "# <script>window.hacked = 1</script>",
]
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9' onload='parent.hacked = 1'>"
    f"<script>parent.hacked = 1</script><image href='{ELSEWHERE}/i.png'/></svg>"
)
