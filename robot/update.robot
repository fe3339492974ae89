*** Settings ***
Documentation       A signed update is installed, once, and the version counter follows it.
Resource            harness/robot/power_cuts.resource


*** Test Cases ***
An Update Is Installed
    Given Version 2 Waits Beside Version 1
    When Power Comes On
    Then The New Version 2 Runs
    And No Rule Is Broken

An Update May Skip Versions
    Given Version 9 Waits Beside Version 3
    When Power Comes On
    Then The New Version 9 Runs
    And No Rule Is Broken

Nothing Happens Without An Update
    Given Only Version 4 Is Installed
    When Power Comes On
    Then The Old Version 4 Runs
    And No Rule Is Broken

An Update Finds Room When The Counter Page Is Full
    [Setup]    Prepare The Device
    Given The Device Is In Case counter-rotation
    When Power Comes On
    Then The New Version 2 Runs
    And No Rule Is Broken

An Update Finds Room When The Journal Page Is Nearly Full
    [Setup]    Prepare The Device
    Given The Device Is In Case journal-rotation
    When Power Comes On
    Then The New Version 2 Runs
    And No Rule Is Broken
