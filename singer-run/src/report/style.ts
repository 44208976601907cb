/** The look of the page, in light and dark, on screens of any width and on paper. */
export const STYLE = `
:root{--paper:#fcfcfa;--ink:#1b2125;--muted:#59636a;--line:#dcdfdd;--wash:#f1f2ef;--data:#2b6c8f;--good:#1d6b45;--warn:#8a5900;--bad:#b3261e;--grid:#7f8a91}
@media (prefers-color-scheme:dark){:root{--paper:#13171a;--ink:#e5e9eb;--muted:#9ca8af;--line:#2d3439;--wash:#1c2226;--data:#5ba7cd;--good:#66c08c;--warn:#e0b04a;--bad:#ff8b7d;--grid:#6b777e}}
@media print{:root{--paper:#fff;--ink:#000;--muted:#444;--line:#ccc;--wash:#f3f3f3;--data:#2b6c8f;--good:#1d6b45;--warn:#8a5900;--bad:#b3261e;--grid:#888}}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);font:15px/1.5 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%;print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{margin:0}
main{max-width:68rem;margin:0 auto;padding:2.5rem 1.5rem 3rem}
h1{font-size:1.75rem;line-height:1.25;font-weight:600;letter-spacing:-.012em;margin:.35rem 0 1.5rem;max-width:54rem;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.125rem;line-height:1.3;font-weight:600;margin:0 0 .25rem}
p{margin:0 0 1rem;max-width:46rem;overflow-wrap:anywhere}
.lead,footer,small,caption,.note,.axis,.legend{color:var(--muted)}
small{font-size:.8125rem}
section{border-top:1px solid var(--line);padding-top:1.5rem;margin-top:2.25rem}
.sign{display:flex;align-items:center;gap:.5rem;margin:0;font-weight:600}
.good>.sign{color:var(--good)}.warn>.sign{color:var(--warn)}.bad>.sign{color:var(--bad)}
.sign i{width:.75rem;height:.75rem;background:currentColor}
.sign i.good{border-radius:50%}
.sign i.warn{clip-path:polygon(50% 0,100% 100%,0 100%)}
blockquote{margin:-.5rem 0 1.5rem;padding-left:.875rem;border-left:3px solid var(--bad);max-width:46rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:1rem 2rem;margin:0}
dt{color:var(--muted);font-size:.8125rem}
dd{margin:0;font-size:1.375rem;line-height:1.35;font-weight:600}
dd small{display:block;font-weight:400;line-height:1.45}
dd .tag{font-size:inherit}
figure{margin:1rem 0 1.25rem}
.row{display:grid;grid-template-columns:11rem 1fr 9rem;gap:0 1rem;align-items:center;padding:.1875rem 0}
.bars .row{align-items:end;padding:.4375rem 0}
.name{overflow-wrap:anywhere;line-height:1.25}
.note{text-align:right;line-height:1.25;font-size:.875rem}
.bars .note{color:var(--ink)}.bars small{display:block;color:var(--muted)}
.strip{display:flex;height:1.25rem;min-width:0}
.strip i,.legend i{background:var(--fill,none);position:relative;min-width:0}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.8125rem;margin-top:.5rem}
.legend span{display:inline-flex;align-items:center;gap:.4375rem}
.legend i{width:1.125rem;height:.875rem}
.done{--fill:var(--data)}
.empty{--fill:linear-gradient(var(--data),var(--data)) 0 50%/100% 2px no-repeat}
.part{--fill:linear-gradient(var(--data),var(--data)) 0 100%/100% 50% no-repeat;box-shadow:inset 0 0 0 1px var(--data)}
.open{box-shadow:inset 0 0 0 1px var(--grid)}
.failed{--fill:repeating-linear-gradient(45deg,var(--bad) 0 3px,var(--paper) 3px 5px);box-shadow:inset 0 0 0 1px var(--bad)}
.unreadable{--fill:repeating-linear-gradient(90deg,var(--warn) 0 2px,var(--paper) 2px 4px);box-shadow:inset 0 0 0 1px var(--warn)}
.differs{--fill:repeating-linear-gradient(0deg,var(--bad) 0 2px,var(--paper) 2px 4px);box-shadow:inset 0 0 0 1px var(--bad)}
svg{display:block;width:100%;height:3rem;border-bottom:1px solid var(--grid);fill:var(--data)}
.ticks{position:relative;height:1.25rem;font-size:.8125rem}
.ticks span{position:absolute;top:0;white-space:nowrap;padding-left:.25rem;border-left:1px solid var(--grid);line-height:1.125rem}
.ticks .end{right:0;padding:0 .25rem 0 0;border-left:0;border-right:1px solid var(--grid)}
.runs{display:flex;align-items:flex-end;gap:2px;height:1.5rem;margin:0 0 1rem}
.runs i{flex:0 1 .5rem;height:50%;background:var(--good)}
.runs i.warn{height:75%;background:var(--warn)}
.runs i.bad{height:100%;background:var(--bad)}
.scroll{overflow-x:auto;margin:.5rem 0 1rem;max-height:34rem;overflow-y:auto}
table{border-collapse:collapse;font-size:.875rem;line-height:1.4;min-width:100%}
caption{text-align:left;font-size:.8125rem;padding-bottom:.25rem}
th,td{padding:.3125rem 0 .3125rem 1.25rem;vertical-align:top;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{padding-left:0}
thead th{font-weight:400;color:var(--muted);vertical-align:bottom;font-size:.8125rem}
th{font-weight:500}
.t,.w,.l{text-align:left}.n{text-align:right}.n,.w,.nw{white-space:nowrap}
tbody th.t{min-width:6rem;max-width:16rem;overflow-wrap:anywhere}
td.t,td.l{overflow-wrap:anywhere}
td.t{min-width:8rem}
td.l{min-width:13rem}
td small{display:block}
.tag{font-weight:600;white-space:nowrap}
.tag.good{color:var(--good)}.tag.warn{color:var(--warn)}.tag.bad{color:var(--bad)}
.meter{display:inline-block;width:6rem;height:.5rem;background:var(--wash);box-shadow:inset 0 0 0 1px var(--line);vertical-align:.06em;margin-right:.5rem;text-align:left}
.meter i{display:block;height:100%;min-width:1px;background:var(--data)}
.meter.over i{background:var(--bad)}
pre,code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;background:var(--wash)}
pre{padding:.75rem 1rem;margin:0 0 1rem;white-space:pre-wrap;overflow-wrap:anywhere}
code{padding:.0625rem .25rem;overflow-wrap:anywhere}
ul{margin:0;padding-left:1.25rem;max-width:46rem}
li{margin-bottom:.375rem;overflow-wrap:anywhere}
summary{cursor:pointer;color:var(--muted);width:fit-content}
details{margin:.25rem 0 .75rem}
:focus-visible{outline:2px solid var(--data);outline-offset:2px}
footer{border-top:1px solid var(--line);margin-top:2.5rem;padding-top:1rem;font-size:.8125rem}
@media (max-width:60rem){
th,td{padding-left:.75rem}
td.w,th.w,thead .n{white-space:normal}
td.l{min-width:8rem}
}
@media (max-width:44rem){
main{padding:1.5rem 1rem 2rem}
h1{font-size:1.375rem}
dl{grid-template-columns:1fr 1fr;gap:1rem}
dd{font-size:1.125rem}
.row{grid-template-columns:1fr auto;gap:.1875rem .75rem;padding:.375rem 0}
.row>:nth-child(2){grid-column:1/-1;grid-row:2}
.row>.note{grid-column:2;grid-row:1}
.axis .name,.axis .note{display:none}
.bars small{display:inline}
}
@page{margin:15mm}
@media print{
html{font-size:10pt}
main{max-width:none;padding:0}
section{break-inside:auto;margin-top:1.25rem;padding-top:1rem}
h2,.lead,caption{break-after:avoid}
.row,tr,figure,pre,dl{break-inside:avoid}
.scroll{overflow:visible;max-height:none}
details:not([open]){display:none}
td.t,td.l{min-width:0}
table{font-size:8pt}
th,td{padding-left:.625rem}
td.n,td.w,th.n,th.w{white-space:normal}
p{break-inside:avoid}
a{color:inherit}
}
`
