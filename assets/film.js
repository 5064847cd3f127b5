// The film's own controls: they change how the page looks, never what was read, so they stay here.
const figure = () => element.querySelector("figure.film");

element.addEventListener("input", (event) => {
  const target = event.target;
  if (target.matches(".wipe")) figure().style.setProperty("--wipe", target.value / 100);
  if (target.matches(".opacity")) figure().style.setProperty("--opacity", target.value / 100);
  if (target.matches(".show-evidence")) figure().classList.toggle("no-evidence", !target.checked);
  if (target.matches(".show-outline")) figure().classList.toggle("no-outline", !target.checked);
});

element.addEventListener("click", (event) => {
  if (event.target.matches(".veil button")) figure().classList.add("revealed");
});
