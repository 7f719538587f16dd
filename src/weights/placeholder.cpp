// Keeps the folder's library alive until its first source lands.
