// A new map is laid on the film by film.js, whichever of the two arrives first.
watch("value", () => document.dispatchEvent(new Event("pneumo-map")));
