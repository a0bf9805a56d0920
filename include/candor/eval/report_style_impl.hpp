// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The style sheet of a report: light and dark as the reader's system asks, and on paper.

#include <candor/core/config.hpp>

#include <string_view>

namespace CANDOR_NS::detail {

inline constexpr std::string_view report_style = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1c2128;--soft:#5d6673;--line:#e1e5ea;--good:#117a3d;
--bad:#c62828;--good-back:#dff3e6;--bad-back:#fde3e1;--unsure-back:#fdf0d0;--s0:#2563c9;--s1:#c2571a;--s2:#12805c;--s3:#8a3fb5;--s4:#6b7280}
@media (prefers-color-scheme:dark){:root{--page:#12151a;--card:#1a1f26;--ink:#e3e7ec;--soft:#98a2b0;--line:#2c333d;--good:#5fd08f;
--bad:#ff8a80;--good-back:#163d27;--bad-back:#4a1f1f;--unsure-back:#453815;--s0:#6ea8fe;--s1:#f2a061;--s2:#58c79b;--s3:#c79bf0;--s4:#a3adba}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:40px 24px 64px}
h1{margin:0;font-size:30px;line-height:1.2;letter-spacing:-.01em}
h2{margin:44px 0 14px;font-size:20px;letter-spacing:-.005em}
h3{margin:24px 0 8px;font-size:15px;color:var(--soft);font-weight:600}
p.sub{margin:6px 0 0;color:var(--soft);overflow-wrap:anywhere}
.note{color:var(--soft);font-size:14px;margin:0 0 12px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:14px}
.card,.chart,.shown,.scroll{background:var(--card);border:1px solid var(--line);border-radius:12px}
.card{padding:16px 18px}
.card .name{color:var(--soft);font-size:14px}
.card .now{font-size:28px;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.02em}
.card .was{color:var(--soft);font-size:14px;font-variant-numeric:tabular-nums}
.up{color:var(--good)}.down{color:var(--bad)}
.scroll{overflow-x:auto;margin-top:14px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:15px}
th,td{padding:9px 16px;text-align:right;border-top:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600;font-size:13px;border-top:0}
th:first-child,td:first-child{text-align:left}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:14px}
.chart{margin:0;padding:14px 14px 8px}
.chart figcaption{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;font-size:13px;color:var(--soft);padding:0 4px 6px}
.chart figcaption b{color:var(--ink);font-size:15px;margin-right:auto}
.chart figcaption i{display:inline-block;width:14px;height:3px;border-radius:2px;background:currentColor;vertical-align:middle;margin-right:6px}
.chart svg{display:block;width:100%;height:auto}
.s0{color:var(--s0)}.s1{color:var(--s1)}.s2{color:var(--s2)}.s3{color:var(--s3)}.s4{color:var(--s4)}
.grid{stroke:var(--line)}.border{stroke:var(--soft);stroke-dasharray:3 4}
.tick{fill:var(--soft);font-size:12px}
.curve{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.mark{fill:currentColor;opacity:0}.mark:hover{opacity:1}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(520px,1fr));gap:14px}
.shown{padding:16px;display:grid;grid-template-columns:176px 1fr;gap:16px;align-items:start}
.shown.bare{grid-template-columns:1fr}
.shown img{width:100%;border-radius:8px;display:block;background:var(--line)}
.shown img.small{image-rendering:pixelated}
.question{margin:0 0 10px;color:var(--soft);font-size:14px}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px}
.answer h4{margin:0 0 3px;font-size:13px;font-weight:650;color:var(--soft);display:flex;gap:8px;justify-content:space-between}
.answer h4 span{font-weight:500;font-variant-numeric:tabular-nums}
.answer p{margin:0;font-size:15px;overflow-wrap:anywhere;white-space:pre-line}
mark{color:inherit;border-radius:4px;padding:1px 3px;margin:0 -1px}
mark.right{background:var(--good-back)}
mark.wrong{background:var(--bad-back);text-decoration:underline wavy var(--bad) 1px;text-underline-offset:3px}
mark.unsure{background:var(--unsure-back)}
ul.claims{list-style:none;margin:8px 0 0;padding:0;font-size:14px}
ul.claims li{margin:3px 0}
.key{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:14px;color:var(--soft);margin:0 0 12px}
details{background:var(--card);border:1px solid var(--line);border-radius:12px;margin-top:12px}
summary{padding:12px 18px;cursor:pointer;font-weight:600}
dl{margin:0;padding:0 18px 14px;columns:2 360px;column-gap:36px;font:13px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
dl div{display:grid;grid-template-columns:1fr 1fr;gap:12px;padding:4px 0;border-top:1px solid var(--line);break-inside:avoid}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:48px;color:var(--soft);font-size:13px}
@media (max-width:640px){main{padding:24px 14px}.charts,.gallery{grid-template-columns:1fr}.shown{grid-template-columns:1fr}.shown img{max-width:220px}}
@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--good:#117a3d;--bad:#c62828;--good-back:#dff3e6;
--bad-back:#fde3e1;--unsure-back:#fdf0d0;--s0:#2563c9;--s1:#c2571a;--s2:#12805c;--s3:#8a3fb5;--s4:#6b7280}
body{font-size:11pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}main{max-width:none;padding:0}
.card,.chart,.shown{break-inside:avoid}.scroll{overflow:visible}th,td{white-space:normal;padding:6px 8px}h2{break-after:avoid}.charts,.gallery{grid-template-columns:1fr 1fr}.shown{grid-template-columns:90px 1fr}}
)css";

}  // namespace CANDOR_NS::detail
