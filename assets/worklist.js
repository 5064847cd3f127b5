// The list's filter, its keys and its row last opened: they change what is seen, never the list.
let focused = null;
let opened = null;
const rows = () => [...element.querySelectorAll("tr[data-film]")];

const show = () => {
  const group = element.querySelector("input[name=show]:checked")?.value ?? "all";
  const text = element.querySelector("input[type=search]")?.value.trim().toLowerCase() ?? "";
  let shown = 0;
  for (const row of rows()) {
    row.hidden = !(group === "all" || row.classList.contains(group)) || !row.dataset.name.includes(text);
    row.toggleAttribute("data-opened", row.dataset.film === opened);
    shown += !row.hidden;
  }
  const none = element.querySelector(".none");
  if (none) none.hidden = shown > 0 || rows().length === 0;
};
element.addEventListener("input", show);

element.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-film]");
  if (!row) return;
  opened = row.dataset.film;
  show();
  trigger("opened", { film: opened });
});

element.addEventListener("focusin", (event) => {
  focused = event.target.closest("tr[data-film]")?.dataset.film ?? null;
});
element.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target.closest("tr[data-film]");
  if (!step || !row) return;
  const visible = rows().filter((each) => !each.hidden);
  visible[visible.indexOf(row) + step]?.querySelector("button").focus();
  event.preventDefault();
});

// gradio rewrites the rows where they stand, so a film that moved takes the focus along.
watch("value", () => {
  show();
  if (!focused || !element.contains(document.activeElement)) return;
  const row = rows().find((each) => each.dataset.film === focused);
  row?.querySelector("button").focus({ preventScroll: true });
});

// What gradio would answer with a passing toast is answered on the page.
const guard = (event) => {
  if (!event.target.closest?.("#worklist-upload")) return;
  const files = [...(event.dataTransfer?.files ?? event.target.files ?? [])];
  const large = files.some((file) => file.size > props.limit);
  if (!large && files.length <= props.most) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.target.matches("input")) event.target.value = "";
  trigger(large ? "too_large" : "too_many");
};
document.addEventListener("change", guard, true);
document.addEventListener("drop", guard, true);
