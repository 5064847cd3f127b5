"""Many films in one go: archives, the list, its files, and more machines than one."""
