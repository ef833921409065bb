"""What visitors read, in English and Chinese, and the small pages that are not the app itself."""

from __future__ import annotations

from html import escape

from regional_hub.lab.live.plan import AppPlan

FAULT = ("This part could not be computed.", "此部分无法计算。")
MEMORY = (
    "This needs more memory than a visitor has here. Choose less and try again.",
    "所需内存超过了访客的上限。请缩小选择范围后重试。",
)
REASONS: dict[str, tuple[str, str]] = {
    "left": ("You left this app.", "您已离开此应用。"),
    "away": (
        "The connection was lost for too long, so this place was given to somebody else.",
        "连接中断过久，席位已让给他人。",
    ),
    "idle": (
        "Nothing happened here for a while, so this place was given to somebody else.",
        "长时间没有操作，席位已让给他人。",
    ),
    "long": ("The longest time for one visit is over.", "单次访问的最长时间已到。"),
    "crash": (
        "The app stopped unexpectedly. What you saw elsewhere is not affected.",
        "应用意外停止，其他页面不受影响。",
    ),
    "memory": (
        "The app used more memory than a visitor has here, and was stopped.",
        "应用使用的内存超过了访客的上限，已停止。",
    ),
    "portal": ("This visit was ended by the site.", "本次访问已由网站结束。"),
    "lost": ("The connection to the app is lost.", "与应用的连接已断开。"),
    "ticket": (
        "This link is no longer valid. Ask for a place again; it takes one click.",
        "此链接已失效。请重新申请席位，只需点击一次。",
    ),
    "full": ("All places are taken at the moment.", "目前席位已满。"),
    "updated": ("There is a newer version of this app.", "此应用已有新版本。"),
}
BACK = ("Run it again", "再次运行")
ABOUT = ("Back to the page", "返回页面")
STYLE = """
:root{color-scheme:light dark}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff}
main{max-width:34rem;margin:12vh auto 0;padding:0 1.25rem}h1{font-size:1.25rem}a{color:#0b5cad}p{margin:.4rem 0}
.go{display:inline-block;margin-top:1rem;padding:.5rem 1rem;border-radius:.4rem}
.go{background:#0b5cad;color:#fff;text-decoration:none}
@media(prefers-color-scheme:dark){body{color:#e4e9ee;background:#15191e}a{color:#7db8f0}}
"""


def both(texts: tuple[str, str]) -> str:
    return " / ".join(texts)


def language(asked: str) -> str:
    """`zh-Hans` for whatever begins with zh, else `en`."""
    return "zh-Hans" if asked.lower().startswith("zh") else "en"


def refusal(plan: AppPlan, reason: str, asked: str) -> str:
    """A whole page that says in both languages why there is no app here, the reader's own first."""
    order = (1, 0) if language(asked) == "zh-Hans" else (0, 1)
    marks = ("en", "zh-Hans")
    title = escape((plan.title, plan.title_zh or plan.title)[order[0]])
    said = "".join(f'<p lang="{marks[n]}">{escape(REASONS[reason][n])}</p>' for n in order)
    back = " · ".join(f'<span lang="{marks[n]}">{escape(BACK[n])}</span>' for n in order)
    return (
        f'<!DOCTYPE html><html lang="{marks[order[0]]}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>'
        f'<body data-live-ended="{reason}"><main><h1>{title}</h1>{said}'
        f'<a class="go" target="_top" href="{escape(plan.back())}">{back}</a></main>'
        f"<script>{TELL}</script></body></html>"
    )


# A sandboxed frame may not move the page around it, so it asks: the portal's page listens to its own frame alone.
TELL = """
const say=(what,more)=>{if(parent!==window)parent.postMessage({regionalHubLive:what,...more},"*")};
const reason=document.body.dataset.liveEnded;if(reason)say("ended",{reason});
document.addEventListener("click",e=>{const a=e.target.closest&&e.target.closest("a[target=_top]");
if(a&&parent!==window){say("leave",{href:a.href})}});
"""
