element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-name]");
  if (button) trigger("click", { name: button.dataset.name });
});

// gradio answers a file that is too large with a passing toast, beside the film read before.
const guard = (event) => {
  if (!event.target.closest?.("#upload")) return;
  const files = [...(event.dataTransfer?.files ?? event.target.files ?? [])];
  if (!files.some((file) => file.size > props.limit)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.target.matches("input")) event.target.value = "";
  trigger("too_large");
};
document.addEventListener("change", guard, true);
document.addEventListener("drop", guard, true);
