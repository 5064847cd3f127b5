// The pair of maps: which two, and where the divider stands. What was read never changes here.
const chosen = { left: "", right: "", wipe: 50 };
const $ = (selector) => element.querySelector(selector);

const show = () => {
  const pair = $(".pair");
  if (!pair) return;
  for (const side of ["left", "right"]) {
    const select = $(`.choice .${side}`);
    const known = [...select.options].some((option) => option.value === chosen[side]);
    if (known) select.value = chosen[side];
    const item = $(`[data-key="${CSS.escape(select.value)}"] .layer`);
    const layer = $(`.pair .layer.${side}`);
    if (item) { layer.src = item.src; layer.alt = `${layer.dataset.side}: ${item.alt}`; }
  }
  $(".wipe").value = chosen.wipe;
  pair.style.setProperty("--wipe", chosen.wipe / 100);
  // Every card lays its map on the one copy of the film.
  $(".board").style.setProperty("--film", `url(${$(".pair .film").src})`);
};
watch("value", show);

element.addEventListener("input", (event) => {
  const { classList, value } = event.target;
  if (classList.contains("wipe")) chosen.wipe = value;
  else chosen[classList.contains("left") ? "left" : "right"] = value;
  show();
});
show();
