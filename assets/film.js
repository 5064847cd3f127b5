// The film's own controls: they change how the page looks, never what was read, so they stay here.
const MAX_ZOOM = 8;
const state = { film: "", inverted: false, zoom: 1, x: 0, y: 0 }; // x, y: shift, in stage sizes
const $ = (selector) => element.querySelector(selector);

// A card or a map that was asked for before this film was opened may arrive after it. It is hidden
// at once; one that is still there when everything of an opening has arrived is asked for again.
const SETTLED_MS = 500;
const parts = () => [...document.querySelectorAll("#map [data-film], #card [data-film]")];
const astray = () => {
  const film = $("figure.film")?.dataset.film;
  return parts().filter((part) => part.dataset.film !== film);
};
let unsettled;
const match = () => {
  const others = astray();
  for (const part of parts()) part.style.visibility = others.includes(part) ? "hidden" : "";
  clearTimeout(unsettled);
  if (others.length) unsettled = setTimeout(() => astray().length && trigger("astray"), SETTLED_MS);
};

// Brings the page in line with the controls: after each of them, each new film and each new map.
const show = () => {
  match();
  const film = $("figure.film");
  if (!film) return;
  if (film.dataset.film !== state.film) {
    Object.assign(state, { film: film.dataset.film, zoom: 1, x: 0, y: 0 });
    $(".wipe").value = 0;
    film.classList.remove("revealed");
  }
  state.x = Math.min(Math.max(state.x, 1 - state.zoom), 0);
  state.y = Math.min(Math.max(state.y, 1 - state.zoom), 0);
  const values = {
    "--wipe": $(".wipe").value / 100, "--opacity": $(".opacity").value / 100,
    "--zoom": state.zoom, "--x": state.x, "--y": state.y,
  };
  for (const [name, value] of Object.entries(values)) film.style.setProperty(name, value);
  film.classList.toggle("no-evidence", !$(".show-evidence").checked);
  film.classList.toggle("no-outline", !$(".show-outline").checked);
  film.classList.toggle("no-frames", !$(".show-frames").checked);
  film.classList.toggle("inverted", state.inverted);
  film.classList.toggle("zoomed", state.zoom > 1);
  $(".invert").setAttribute("aria-pressed", state.inverted);
  $(".zoom-fit").textContent = `${Number(state.zoom.toFixed(1))}×`;
  const layer = document.querySelector(`#map [data-film="${film.dataset.film}"] img.layer`);
  const evidence = $(".evidence");
  if (layer) { evidence.src = layer.src; evidence.alt = layer.alt; }
  else evidence.removeAttribute("src");
};
watch("value", show);
document.addEventListener("pneumo-map", show);
document.addEventListener("pneumo-card", match);

const zoom = (factor, fx = 0.5, fy = 0.5) => { // about a point, in stage sizes
  const next = Math.min(Math.max(state.zoom * factor, 1), MAX_ZOOM);
  state.x = fx - ((fx - state.x) * next) / state.zoom;
  state.y = fy - ((fy - state.y) * next) / state.zoom;
  state.zoom = next;
};
const fit = () => Object.assign(state, { zoom: 1, x: 0, y: 0 });
const move = (dx, dy) => { state.x += dx; state.y += dy; };
const invert = () => { state.inverted = !state.inverted; };
const fill = () => {
  const room = element.closest("#read"); // with the map's legend, which the style sheet keeps
  if (document.fullscreenElement) document.exitFullscreen();
  else if (room.requestFullscreen) room.requestFullscreen();
  else room.classList.toggle("filled"); // Safari on telephones has no full screen for a page
};
const place = (event) => {
  const box = $(".stage").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
};

const BUTTONS = {
  ".invert": invert, ".zoom-in": () => zoom(1.5), ".zoom-out": () => zoom(1 / 1.5),
  ".zoom-fit": fit, ".full": fill,
  ".reveal": () => $("figure.film").classList.add("revealed"),
};
const KEYS = {
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: fit,
  i: invert, f: fill,
  ArrowLeft: () => move(0.1, 0), ArrowRight: () => move(-0.1, 0),
  ArrowUp: () => move(0, 0.1), ArrowDown: () => move(0, -0.1),
};

element.addEventListener("input", show);
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const act = Object.entries(BUTTONS).find(([selector]) => button?.matches(selector))?.[1];
  if (act) { act(); show(); }
});
element.addEventListener("keydown", (event) => {
  const arrow = event.key.startsWith("Arrow");
  const act = KEYS[arrow ? event.key : event.key.toLowerCase()];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  // Arrows belong to a slider that has the focus, and to the page while the film is not enlarged.
  if (arrow && (event.target.matches("input") || state.zoom === 1)) return;
  event.preventDefault();
  act();
  show();
});
element.addEventListener("wheel", (event) => {
  // A bare wheel scrolls the page; with Ctrl, as a pinch on a touchpad sends it, it zooms.
  if (!event.target.closest(".stage") || !(event.ctrlKey || document.fullscreenElement)) return;
  event.preventDefault();
  zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, ...place(event));
  show();
}, { passive: false });
element.addEventListener("pointerdown", (event) => {
  const stage = event.target.closest(".stage");
  if (!stage || state.zoom === 1 || event.target.closest("button")) return;
  let last = place(event);
  const drag = (moved) => {
    const here = place(moved);
    move(here[0] - last[0], here[1] - last[1]);
    last = here;
    show();
  };
  stage.setPointerCapture(event.pointerId);
  stage.addEventListener("pointermove", drag);
  const release = () => stage.removeEventListener("pointermove", drag);
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, release, { once: true });
});
