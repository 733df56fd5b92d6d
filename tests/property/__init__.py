"""What holds for every vault and every order: drawn at random, shrunk when it fails."""
