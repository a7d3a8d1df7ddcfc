"""What sites test their tasks with, tried as a site would."""
