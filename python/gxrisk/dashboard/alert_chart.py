"""How many alerts began in each hour or day, as stacked bars."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_QUIET: Final = "var(--gx-muted)"
_COLOURS: Final = {"info": "--gx-bar", "warning": "--gx-bar-near", "critical": "--gx-bar-over"}


def alert_chart(names: Sequence[str], counts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Bars under `names`, stacked by severity, the worst on top."""
    return {
        "animation": False,
        "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif", "fontSize": 12},
        "grid": [{"left": 36, "right": 12, "top": 34, "bottom": 24}],
        "legend": {"left": 0, "top": 0, "itemWidth": 10, "itemHeight": 10, "textStyle": {"color": "var(--gx-text)"}},
        "tooltip": {
            "trigger": "axis",
            "renderMode": "richText",
            "backgroundColor": "var(--gx-surface)",
            "borderColor": "var(--gx-line)",
            "textStyle": {"color": "var(--gx-text)"},
            "axisPointer": {"type": "shadow"},
        },
        "xAxis": [
            {
                "type": "category",
                "data": list(names),
                "axisLine": {"lineStyle": {"color": "var(--gx-line)"}},
                "axisTick": {"show": False},
                "axisLabel": {"color": _QUIET, "hideOverlap": True},
            }
        ],
        "yAxis": [
            {
                "type": "value",
                "minInterval": 1,
                "splitNumber": 3,
                "axisLabel": {"color": _QUIET},
                "splitLine": {"lineStyle": {"color": "var(--gx-line)"}},
            }
        ],
        "series": [
            {
                "type": "bar",
                "name": severity,
                "stack": "alerts",
                "barMaxWidth": 22,
                "emphasis": {"disabled": True},
                "itemStyle": {"color": f"var({_COLOURS[severity]})"},
                "data": list(values),
            }
            for severity, values in counts.items()
        ],
    }
