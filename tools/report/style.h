// How a page looks: light and dark as the reader's system is, one column where the window is narrow, digits of one
// width.
#pragma once

#include <string_view>

namespace llmft {

inline constexpr std::string_view kPageStyle = R"css(
:root{--paper:#fbfaf8;--card:#fff;--ink:#1d1c1a;--soft:#6b6862;--line:#e4e1db;--wash:#f2f0eb;--good:#1f7a4d;
--c0:#2458c9;--c1:#c2550a;--c2:#11806a;--c3:#a02c8a;--c4:#7a6a00;--c5:#5b4bc4;--c6:#b3261e;--c7:#4a6572}
@media (prefers-color-scheme:dark){:root{--paper:#161614;--card:#1e1e1c;--ink:#ecebe7;--soft:#a09d95;--line:#34332f;
--wash:#272623;--good:#6fcf97;--c0:#86aaff;--c1:#f5a35c;--c2:#5fd1b6;--c3:#e58bd3;--c4:#d9c64a;--c5:#b0a4ff;
--c6:#ff8a80;--c7:#9fb9c6}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:40px 24px 64px}
header{margin-bottom:24px}
h1{font-size:28px;line-height:1.2;margin:2px 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 14px;letter-spacing:-.005em}
h3{font-size:13px;font-weight:600;margin:0 0 4px;color:var(--soft)}
p{margin:0 0 10px}
a{color:var(--c0)}
.kicker{margin:0;color:var(--c0);font-weight:600;font-size:13px}
.subtitle,.note{color:var(--soft);overflow-wrap:anywhere}
.subtitle{margin:0}
.note{font-size:13px}
section{margin-top:40px}
section>.note{margin:10px 0 6px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0}
.tiles div{min-width:0;overflow-wrap:anywhere;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tiles dt{color:var(--soft);font-size:13px}
.tiles dd{margin:0;font-size:22px;font-weight:600;line-height:1.3}
.tiles dd.note{font-size:12.5px;font-weight:400;line-height:1.45}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px}
.charts figure:first-child,.charts figure:last-child:nth-child(even){grid-column:1/-1}
.charts figure:first-child .plot{height:290px}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px 12px;
min-width:0}
figcaption{font-weight:600}
.unit{color:var(--soft);font-weight:400;font-size:13px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:2px 0 8px;padding:0;font-size:13px;
color:var(--soft);min-height:20px}
.legend li{min-width:0;overflow-wrap:anywhere}
.legend li::before{content:"";display:inline-block;width:14px;height:3px;border-radius:2px;background:var(--c);
margin-right:6px;vertical-align:middle}
.plot{position:relative;height:190px;padding:6px 4px 24px 52px}
.plot svg{display:block;width:100%;height:100%;overflow:visible}
.y,.x{position:absolute;white-space:nowrap;font-size:12px;color:var(--soft);line-height:1}
.y{left:0;width:44px;top:6px;bottom:24px;text-align:right}
.y span{position:absolute;right:0;transform:translateY(50%)}
.x{left:52px;right:4px;bottom:0;height:18px}
.x span{position:absolute;transform:translateX(-50%);top:4px}
.line{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.faint{stroke-width:1;opacity:.32}
.dots{fill:none;stroke:var(--c);stroke-width:6;stroke-linecap:round;vector-effect:non-scaling-stroke}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.dots.faint{stroke-width:3}
.hint{fill:var(--ink);opacity:0}.hint:hover{opacity:.07}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px;align-items:start}
.bars{display:flex;align-items:flex-end;gap:2px;height:120px;margin-top:10px;border-bottom:1px solid var(--line)}
.bars i{flex:1;background:var(--c0);border-radius:2px 2px 0 0;min-height:0}
.bars i:hover{opacity:.7}
.ends{display:flex;justify-content:space-between;font-size:12px;color:var(--soft);margin-top:4px}
.rows{list-style:none;margin:0;padding:14px 16px;background:var(--card);border:1px solid var(--line);
border-radius:10px}
.rows li{display:grid;grid-template-columns:minmax(90px,210px) minmax(0,1fr) 84px;gap:12px;align-items:center;padding:2px 0}
.rows b{height:10px;background:linear-gradient(var(--c0),var(--c0)) left/var(--share) 100% no-repeat,var(--wash);
border-radius:3px}
.rows span{overflow-wrap:anywhere;line-height:1.3}
.n{text-align:right}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:14px}
th{color:var(--soft);font-weight:600;font-size:13px;text-align:left}
th,td{padding:6px 14px;border-bottom:1px solid var(--line);vertical-align:top;min-width:90px;max-width:22em;
overflow-wrap:break-word}
tr:last-child td{border-bottom:0}
td:first-child,th:first-child{min-width:130px}
th.n,td.n{text-align:right;white-space:nowrap;min-width:0}
.set{font-weight:600}
article{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin-bottom:12px}
article .pair{margin-top:12px}
.answers{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:16px;margin-top:12px}
.text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;margin:0;max-height:18em;overflow-y:auto}
.good h3{color:var(--good)}
pre{margin:0 0 10px;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
.command{background:var(--wash);border-radius:8px;padding:10px 14px;white-space:pre-wrap;overflow-wrap:anywhere}
details{margin-top:12px}
summary{cursor:pointer;color:var(--soft);margin-bottom:8px}
@media (max-width:720px){main{padding:24px 14px 48px}h1{font-size:23px}
.charts,.pair,.answers{grid-template-columns:minmax(0,1fr)}.charts figure:first-child .plot{height:220px}
.rows li{grid-template-columns:minmax(0,1fr) 84px}.rows b{grid-column:1/-1;grid-row:2}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
th,td{padding:6px 10px}}
@media print{body{background:#fff}section{break-inside:avoid}}
)css";

}   // namespace llmft
