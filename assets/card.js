// A new card is looked at by film.js: it may be another film's.
watch("value", () => document.dispatchEvent(new Event("pneumo-card")));
