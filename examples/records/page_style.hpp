// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The style sheet of a page of records: light and dark as the reader's system asks.

#include <string_view>

namespace records {

inline constexpr std::string_view page_style = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1c2128;--soft:#5d6673;--line:#e1e5ea;--good:#dff3e6;--bad:#fde3e1;--token:#eef1f5;--heavy:#fdf0d0}
@media (prefers-color-scheme:dark){:root{--page:#12151a;--card:#1a1f26;--ink:#e3e7ec;--soft:#98a2b0;--line:#2c333d;--good:#163d27;--bad:#4a1f1f;--token:#252c35;--heavy:#453815}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 20px 56px}
h1{margin:0 0 12px;font-size:26px;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 18px;overflow-x:auto;font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}
.key{color:var(--soft);font-size:14px;display:flex;flex-wrap:wrap;gap:6px 18px}
.record{background:var(--card);border:1px solid var(--line);border-radius:12px;margin-top:14px;padding:16px;display:grid;grid-template-columns:224px 1fr;gap:18px;align-items:start}
.record img{display:block;max-width:100%;border-radius:8px;margin-bottom:8px}
.place,.fault{color:var(--soft);font-size:13px;overflow-wrap:anywhere;margin:0 0 6px}
.turn{color:var(--soft);font-size:14px;margin:0 0 6px;white-space:pre-line;overflow-wrap:anywhere}
.question{margin:0 0 12px;white-space:pre-line;overflow-wrap:anywhere;font-weight:600}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:16px}
.answers h2{margin:0 0 3px;font-size:13px;color:var(--soft)}
.answers p{margin:0;white-space:pre-line;overflow-wrap:anywhere}
mark{color:inherit;border-radius:4px;padding:1px 2px;margin:0 -1px}
mark.chosen{background:var(--good)}mark.rejected{background:var(--bad)}
details{margin-top:14px;font-size:14px}
summary{cursor:pointer;color:var(--soft)}
.tokens{margin:8px 0 0;font:13px/1.9 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.tokens b{font:600 12px system-ui,sans-serif;color:var(--soft);margin-right:8px}
.tokens i{font-style:normal;color:var(--soft)}
.tokens s,.tokens u{text-decoration:none;border-radius:3px;padding:1px 2px;margin:0 1px;background:var(--token);white-space:pre-wrap}
.tokens u{background:var(--heavy);outline:1px solid var(--line)}
footer{margin-top:40px;color:var(--soft);font-size:13px}
@media (max-width:640px){.record{grid-template-columns:1fr}}
)css";

}  // namespace records
