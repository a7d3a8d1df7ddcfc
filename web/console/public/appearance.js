// Sets what src/appearance.ts has kept, before the page is painted for the first time.
try {
  const appearance = localStorage.getItem("taskrealm.appearance")
  if (appearance) document.documentElement.dataset.appearance = appearance
} catch {
  // Storage may be forbidden; then the page looks as the system does.
}
