/** The page's style: two schemes, paper, narrow windows. Colours are told apart by words and place too. */
export const STYLE = `
:root{color-scheme:light dark;--ground:#fcfcfb;--panel:#fff;--ink:#1b1b1a;--soft:#5c5b57;--line:#dddcd7;
--done:#2a78d6;--failed:#c93434;--waiting:#c98500;--already:#6aa9ee;--open:#8a5cc7;--untouched:#b9b8b2}
@media (prefers-color-scheme:dark){:root{--ground:#161615;--panel:#1f1f1e;--ink:#f0efec;--soft:#b3b1aa;--line:#3a3a38;
--done:#4a96ee;--failed:#ef6a6a;--waiting:#dba12e;--already:#2d5f9e;--open:#a988dd;--untouched:#5a5954}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 20px 48px;max-width:1120px;background:var(--ground);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:36px 0 10px}h3{font-size:15px;margin:0}
p{margin:4px 0}.soft,figcaption p,footer{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0}
.tile{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:10px 14px}
.tile b{display:block;font-size:26px;font-weight:600}.tile.bad{border-color:var(--failed);border-width:2px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px}
figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:12px 16px;min-width:0}
figure.wide{grid-column:1/-1}figure svg{display:block;width:100%;height:auto;margin:12px 0 6px;overflow:visible}
svg text{fill:var(--ink);font:13px system-ui,sans-serif}
.done{fill:var(--done)}.failed{fill:var(--failed)}.waiting{fill:var(--waiting)}.already{fill:var(--already)}.open{fill:var(--open)}.untouched{fill:var(--untouched)}
.grid{stroke:var(--line);fill:none}.mark{stroke:var(--soft);fill:none;stroke-width:1.5}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600}tbody th{font-weight:400}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.scroll{overflow-x:auto}.units{min-width:860px}.units td,.units th{overflow-wrap:normal}.units .why{overflow-wrap:anywhere;min-width:200px}
code{font:13px ui-monospace,monospace}.say{display:inline-block;border-left:4px solid var(--untouched);padding-left:6px;white-space:nowrap}
.say.failed{border-color:var(--failed);font-weight:600}.say.done{border-color:var(--done)}.say.waiting{border-color:var(--waiting)}.say.already{border-color:var(--already)}.say.open{border-color:var(--open)}
.cause{background:var(--panel);border:1px solid var(--line);border-left:4px solid var(--failed);border-radius:6px;padding:10px 16px;margin:10px 0;overflow-wrap:anywhere}
.cause dl{margin:6px 0 0;display:grid;grid-template-columns:max-content 1fr;gap:2px 12px}dt{color:var(--soft)}dd{margin:0}
details{font-size:14px}summary{cursor:pointer;color:var(--soft)}footer{margin-top:36px;font-size:13px;overflow-wrap:anywhere}
@media print{:root{color-scheme:light;--ground:#fff;--panel:#fff;--ink:#000;--soft:#444;--line:#bbb;--done:#2a78d6;--failed:#c93434;--waiting:#c98500;--already:#6aa9ee;--open:#8a5cc7;--untouched:#b9b8b2}
body{max-width:none;padding:0;font-size:12px}h2,h3{break-after:avoid}.charts{grid-template-columns:1fr 1fr;gap:8px}table.units{font-size:9.5px}.units td,.units th{padding:3px 6px 3px 0}.units code{font-size:9px}figure,.cause,.tile,tr{break-inside:avoid}thead{display:table-header-group}details:not([open]){display:none}.scroll{overflow:visible}.units{min-width:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
