# Reads the JIT's arm64 listings of the GEMM tile and judges its inner loop; `types` names the element types that must occur.
function finish(   i, j, inner, loops, n, good) {
  if (method == "") return
  for (i = 1; i <= ends; i++) {
    inner = 1
    for (j = 1; j <= ends; j++) if (j != i && from[j] >= from[i] && to[j] <= to[i] && (from[j] > from[i] || to[j] < to[i])) inner = 0
    if (inner) { loops++; judge(from[i], to[i]) }
  }
  if (!loops) say("failed", "no loop")
  seen[type] = 1
}

function judge(first, last,   i, fma, bad) {
  for (i = first; i <= last; i++) {
    if (code[i] ~ /^(bl|blr) /) bad = bad "; call: " code[i]
    else if (code[i] ~ /[\[ ,](sp|fp|x29)[], ]/ || code[i] ~ /[\[ ,](sp|fp|x29)$/) bad = bad "; stack: " code[i]
    if (code[i] ~ /^fmla v[0-9]+\.(4s|2d), v[0-9]+\.(4s|2d), v[0-9]+\.[sd]\[[0-3]\]$/) fma++
  }
  if (fma < 24) bad = bad "; " fma + 0 " multiply-adds by element where 24 are expected"
  if (bad == "") say("passed", fma " multiply-adds by element in " last - first + 1 " instructions, no call, nothing on the stack")
  else say("failed", substr(bad, 3))
}

function say(verdict, why) {
  printf "%s: %s: %s\n", verdict, method, why
  count[verdict]++
}

/^; Assembly listing for method/ {
  finish()
  method = ""
  lines = ends = 0
  split("", label)
  if (match($0, /AdvSimdKernel`1\[[a-z]+\]:Tile\[[^(]*\]/)) {
    method = substr($0, RSTART, RLENGTH)
    gsub(/ManagedFed\.Kernels\./, "", method)
    type = substr(method, 17)
    sub(/\].*/, "", type)
  }
  next
}
method == "" || /^;/ || NF == 0 { next }
/^G_M[0-9]+_IG[0-9]+:/ { name = $1; sub(/:$/, "", name); label[name] = lines + 1; next }
{
  sub(/;;.*/, ""); gsub(/[ \t\r]+/, " "); sub(/^ /, ""); sub(/ $/, "")
  code[++lines] = $0
  if ($NF in label) { from[++ends] = label[$NF]; to[ends] = lines }
}

END {
  finish()
  n = split(types, wanted, " ")
  for (i = 1; i <= n; i++) {
    if (!(wanted[i] in seen)) { method = "AdvSimdKernel`1[" wanted[i] "]:Tile"; say("failed", "no listing") }
  }
  printf "  succeeded: %d\n  failed: %d\n", count["passed"], count["failed"]
  exit count["failed"] > 0
}
